from pathlib import Path
from typing import Any

import pytest

from bunri.errors import ConfigError
from bunri.events import Event, Scalars
from bunri.run_folder import RunFolder
from bunri.writers import RecordedRun, WritersSettings, check_writers, open_writers


class Lines:
    """A writer of the user's own: one line an event."""

    def __init__(self, run: RecordedRun, name: str = "lines.txt") -> None:
        self._path = run.folder.path / name

    def write(self, event: Event) -> None:
        with self._path.open("a") as file:
            file.write(f"{event.kind}\n")

    def close(self) -> None:
        with self._path.open("a") as file:
            file.write("closed\n")


class NoWriter:
    def write(self, event: Event) -> None:
        pass


def settings(*custom: Any) -> WritersSettings:
    return WritersSettings.validated({"console": False, "csv": False, "custom": list(custom)}, "writers")


def test_classes_with_and_without_arguments(tmp_path: Path) -> None:
    other = {"name": f"{__name__}.Lines", "arguments": {"name": "other.txt"}}
    writers = open_writers(
        settings(f"{__name__}:Lines", other), RecordedRun("trash", "fcos", "fcos fold0", RunFolder(tmp_path))
    )
    for writer in writers:
        writer.write(Scalars(1))
    for writer in writers:
        writer.close()
    for name in ("lines.txt", "other.txt"):
        assert (tmp_path / name).read_text() == "scalars\nclosed\n"


@pytest.mark.parametrize(
    ("custom", "words"),
    [
        ("no_such_module:Slack", "writers.custom: 'no_such_module:Slack' cannot be loaded"),
        (f"{__name__}:Line", "has no 'Line'; did you mean 'Lines'?"),
        (f"{__name__}:NoWriter", "must be a class with write and close, but has no close"),
        ({"name": f"{__name__}:Lines", "arguments": {"nam": 1}}, "takes no such call: .*'nam'"),
    ],
)
def test_mistakes_are_found_before_anything_trains(custom: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        check_writers(settings(custom))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"custom": [{"class": "a:B"}]}, r"custom\.0\.class: unknown key"),
        ({"wandb": {"projct": "cans"}}, r"wandb\.projct: unknown key; did you mean 'project'\?"),
        ({"tensorboard": {"flush": 1}}, r"tensorboard\.flush: unknown key"),
        ({"wandb": {"api_key": "secret"}}, r"wandb\.api_key: unknown key"),
        ({"wandb": {"mode": "of"}}, r"wandb\.mode: "),
        ({"mlflow": 3}, r"mlflow: "),
        ({"jsonl": False}, r"jsonl: "),
    ],
)
def test_unknown_settings_are_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        WritersSettings.validated(values, "writers")


def test_true_takes_the_defaults_and_all_are_off_without_a_word() -> None:
    off, on = WritersSettings(), WritersSettings.validated({"wandb": True, "mlflow": False, "tensorboard": {}}, "w")
    assert (off.tensorboard, off.wandb, off.mlflow, off.custom) == (None, None, None, ())
    assert on.wandb is not None
    assert (on.wandb.mode, on.wandb.project) == ("auto", None)
    assert on.tensorboard is not None
    assert on.mlflow is None
    assert WritersSettings.validated(on.model_dump(mode="json"), "again") == on
