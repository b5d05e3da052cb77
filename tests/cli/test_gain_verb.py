import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from builders import random_world
from bunri.cli import main
from bunri.cli.gain_words import added_text, prediction_text, report_text
from bunri.cli.member_files import member_families, member_paths
from bunri.errors import UsageError
from bunri.files import write_json
from bunri.gain import gain
from bunri.io import write_coco, write_predictions


@pytest.fixture
def run_of_three(tmp_path: Path) -> Path:
    """An experiment's folder with three models' out-of-fold predictions, and its truth."""
    dataset, members = random_world(images=20, members=3)
    write_coco(dataset, tmp_path / "truth.json")
    for name, member in zip(("fcos", "ssd", "rcnn"), members, strict=True):
        (tmp_path / "trash" / name).mkdir(parents=True)
        write_predictions(member, tmp_path / "trash" / name / "oof.parquet", dataset)
    models = [{"name": "fcos", "stages": "one"}, {"name": "ssd", "stages": "one"}, {"name": "rcnn", "stages": "two"}]
    write_json(tmp_path / "trash" / "experiment.json", {"models": models})
    return tmp_path


def called(words: list[str], monkeypatch: pytest.MonkeyPatch, exit_code: int = 0) -> None:
    monkeypatch.setattr(sys, "argv", ["bunri", *words])
    with pytest.raises(SystemExit) as caught:
        main()
    assert (caught.value.code or 0) == exit_code


def words_of(folder: Path, *more: str) -> list[str]:
    files = [str(folder / "trash" / name / "oof.parquet") for name in ("rcnn", "fcos", "ssd")]
    truth = str(folder / "truth.json")
    fast = ("folds=2", "resamples=20", "families=fused", "groups=none")
    return ["gain", files[0], "--add", *files[1:], "--truth", truth, *fast, *more]


def test_models_of_an_experiment_by_their_names_and_stages(
    run_of_three: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    called(words_of(run_of_three, "--json"), monkeypatch)
    printed = capsys.readouterr()
    values: dict[str, Any] = json.loads(printed.out)
    assert [one["added"] for one in values["gains"]] == ["fcos", "ssd"]
    assert values["member_families"] == {"two-stage": ["rcnn"], "one-stage": ["fcos", "ssd"]}
    assert [share["name"] for share in values["shares"]["families"]] == ["two-stage", "one-stage"]
    assert "rcnn + fcos + ssd" in printed.err


def test_the_text_has_every_table(
    run_of_three: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    called(words_of(run_of_three, "--family", "all=rcnn,fcos,ssd", "value=calibrated"), monkeypatch)
    text = capsys.readouterr().out
    for part in ("adding fcos: ", "objects found by", "share of the gain", "greedy curve", "union recall", "within"):
        assert part in text, part
    assert "nan" not in text


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--family", "x"), "--family must be NAME=member or NAME=member,member, but got 'x'"),
        (("--family", "x=rcnn,"), "--family must be NAME=member"),
        (("--family", "x=yolo"), "but got yolo"),
        (("value=best",), "value must be one of wbf, calibrated, searched, but got 'best'"),
    ],
)
def test_wrong_words_are_told(
    run_of_three: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    more: tuple[str, ...],
    message: str,
) -> None:
    called(words_of(run_of_three, *more), monkeypatch, exit_code=2)
    assert message in capsys.readouterr().err


def test_names_and_families_of_other_files(tmp_path: Path) -> None:
    paths = member_paths([tmp_path / "a" / "oof.parquet", tmp_path / "b.csv"], None)
    assert list(paths) == ["oof", "b"]  # no experiment around
    assert member_families(None, paths) == {}
    assert member_families(["x=a,b", "y=c"], paths) == {"x": ["a", "b"], "y": ["c"]}
    with pytest.raises(UsageError):
        member_families(["=a"], paths)


def test_what_is_not_known_is_not_printed() -> None:
    dataset, (a, b) = random_world(images=12)
    found = gain([a], b.of_images(range(1, 7)), dataset, folds=2, resamples=5, families=("fused",))
    assert "foretold" not in added_text(found.added[0])
    assert found.notes[-1] in report_text(found)
    assert "shares of 64 orders" not in report_text(found)


def test_the_correlation_is_told_as_weak() -> None:
    dataset, members = random_world(images=12, members=4)
    found = gain(members[:3], members[3], dataset, folds=2, resamples=5, families=("fused",))
    assert found.prediction is not None
    assert "weak evidence" in prediction_text(found.prediction)
    assert "nan" not in prediction_text(replace(found.prediction, low=float("nan")))
