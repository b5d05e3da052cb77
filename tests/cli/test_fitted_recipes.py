"""bunri search and bunri fuse --recipe with learned fusion and calibration."""

import json
import sys
from functools import partialmethod
from pathlib import Path

import pytest

from bunri.cli import main
from bunri.evaluate import evaluate
from bunri.io import load_dataset, read_predictions, write_coco, write_predictions
from bunri.learned import TreeSettings
from bunri.search.learned import LearnedFamily
from learned_worlds import agreeing_world

FAST = TreeSettings(seeds=1, rounds=15, leaves=7, least_in_leaf=10)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["bunri", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


def write_world(folder: Path, seed: int, images: int) -> list[Path]:
    """The truth, then a file of each member."""
    folder.mkdir()
    dataset, members = agreeing_world(seed=seed, images=images)
    write_coco(dataset, folder / "truth.json")
    for member in members:
        write_predictions(member, folder / f"{member.name}.csv", dataset)
    return [folder / "truth.json", *(folder / f"{member.name}.csv" for member in members)]


@pytest.mark.parametrize("family", ["learned", "calibrated"])
def test_a_fitted_recipe_is_found_written_and_applied(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(LearnedFamily, "__init__", partialmethod(LearnedFamily.__init__, settings=FAST))
    truth, left, right = write_world(tmp_path / "train", 0, 160)
    recipe, fused = tmp_path / "recipe.json", tmp_path / "fused.parquet"
    search = ("search", left, right, "--truth", truth, "--families", family, "--folds", 3, "--resamples", 20)
    assert run(monkeypatch, *search, "--out", recipe) == 0
    said = capsys.readouterr().out
    assert said.startswith(family)
    assert ("members by gain: " in said) == (family == "learned")
    assert json.loads(recipe.read_text())["method"] == family
    new_truth, *files = write_world(tmp_path / "test", 1, 40)
    assert run(monkeypatch, "fuse", *files, "--images", new_truth, "--recipe", recipe, "--out", fused) == 0
    dataset = load_dataset(new_truth)
    alone, both = (evaluate(read_predictions(path, dataset), dataset).mAP50 for path in (files[0], fused))
    assert both > alone + 0.1


def test_a_member_that_is_missing_is_named_and_a_calibrated_recipe_does_without_on_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(LearnedFamily, "__init__", partialmethod(LearnedFamily.__init__, settings=FAST))
    truth, left, right = write_world(tmp_path / "train", 0, 160)
    ends = {}
    for family in ("learned", "calibrated"):
        recipe = tmp_path / f"{family}.json"
        search = ("search", left, right, "--truth", truth, "--families", family, "--folds", 3, "--resamples", 5)
        assert run(monkeypatch, *search, "--out", recipe) == 0
        fuse = ("fuse", left, "--images", truth, "--recipe", recipe, "--out", tmp_path / "fused.csv")
        ends[family] = (run(monkeypatch, *fuse), run(monkeypatch, *fuse, "--allow-missing"))
    assert ends == {"learned": (3, 3), "calibrated": (3, 0)}
    said = capsys.readouterr().err
    assert "member right of the recipe is not there" in said
    assert "a learned recipe cannot do without any" in said


def test_too_little_data_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    truth, left, right = write_world(tmp_path / "train", 0, 50)
    assert run(monkeypatch, "search", left, right, "--truth", truth, "--folds", 2, "--resamples", 5) == 0
    said = capsys.readouterr().out
    assert "learned fusion needs at least 100 images" in said
    assert "families: fused " in said
    assert run(monkeypatch, "search", left, "--truth", truth, "--folds", 2, "--resamples", 5, "--json") == 0
    assert "needs at least 100 images" in json.loads(capsys.readouterr().out)["notes"][0]
