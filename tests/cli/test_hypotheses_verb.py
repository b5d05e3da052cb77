import json
from pathlib import Path

import pytest
import yaml

from builders import random_world
from bunri.cli import build_app
from bunri.errors import UsageError
from bunri.io import write_coco, write_predictions


@pytest.fixture
def claims(tmp_path: Path) -> Path:
    truth, members = random_world(2, images=30)
    write_coco(truth, tmp_path / "truth.json")
    for name, member in (("a", members[0].above(0.5)), ("b", members[1])):
        write_predictions(member, tmp_path / f"{name}.parquet", truth)
    claim = {"claim": "Low scores help", "effect": "b - a", "smallest_effect": 0.01}
    values = {
        "truth": "truth.json",
        "resamples": 200,
        "arms": {name: {"predictions": f"{name}.parquet"} for name in "ab"},
        "hypotheses": {
            "H1": claim | {"unequal": {"score_floor": "it is the claim"}},
            "H2": claim | {"floor": "common"},
        },
    }
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def call(*arguments: object) -> None:
    build_app()([str(argument) for argument in arguments], standalone_mode=False)


def test_a_table_and_what_is_to_be_known_of_each_claim(claims: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call("test", claims)
    text = capsys.readouterr().out
    assert text.splitlines()[0].split() == ["claim", "verdict", "effect", "interval", "smallest", "p", "power"]
    assert text.splitlines()[1].split()[:2] == ["H1", "supported"]
    assert "H1: Low scores help\n  b - a, mAP50 on 30 images: b 0." in text
    assert "score_floor may differ: it is the claim" in text
    assert "corrected over 2 claims" in text


def test_json_file_and_figure_hold_the_same(claims: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, figure = claims.with_name("verdicts.json"), claims.with_name("forest.svg")
    call("test", claims, "--json", "--out", out, "--figure", figure)
    streams = capsys.readouterr()
    assert json.loads(streams.out) == json.loads(out.read_text())
    assert f"forest plot: {figure}" in streams.err
    assert figure.read_text().startswith("<svg")


def test_nothing_is_to_be_trained(claims: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call("test", claims, "--dry-run")
    assert capsys.readouterr().out == "nothing is to be trained\n"
    call("test", claims, "--dry-run", "--json")
    assert json.loads(capsys.readouterr().out) == {"runs": []}


def test_a_refusal_writes_nothing(claims: Path) -> None:
    values = yaml.safe_load(claims.read_text())
    del values["hypotheses"]["H1"]["unequal"]
    claims.write_text(yaml.safe_dump(values))
    with pytest.raises(UsageError, match=r"compares what is not alike:\n  hypotheses\.H1: score_floor must be equal"):
        call("test", claims, "--out", claims.with_name("verdicts.json"))
    assert not claims.with_name("verdicts.json").exists()
