from collections.abc import Mapping

import pytest

from bunri.engines import proving
from bunri.engines.proving import prove
from bunri.errors import ConfigError, DataError, EngineError
from experiment_files import TESTS

FAKE = "fake_engine:FakeEngine"


def with_config(monkeypatch: pytest.MonkeyPatch, config: str) -> None:
    configs: Mapping[str, str] = {FAKE: config}
    monkeypatch.setattr(proving, "CONFIGS", configs)
    monkeypatch.setenv("PYTHONPATH", str(TESTS))


def test_a_working_engine_shows_its_losses_and_boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    with_config(monkeypatch, "steps: 3\n")
    proof = prove(FAKE)
    assert list(proof.losses) == pytest.approx([1.0, 0.5, 1 / 3])
    assert proof.boxes == 8  # one on each photo
    assert proof.seconds > 0


@pytest.mark.parametrize(
    ("config", "error", "words"),
    [
        ("steps: 3\ncrash_at: 2\n", EngineError, "CUDA out of patience.*Its log:.*the framework talks a lot"),
        ("stepz: 3\n", ConfigError, "stepz: unknown key"),
        ("steps: 0\n", DataError, "the checkpoint must be a readable file"),
    ],
)
def test_a_broken_engine_is_told_with_its_log(
    config: str, error: type[Exception], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_config(monkeypatch, config)
    with pytest.raises(error, match=f"(?s){words}"):
        prove(FAKE)
