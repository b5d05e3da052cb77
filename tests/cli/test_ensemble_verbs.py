import hashlib
import json
import sys
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from builders import assert_same_predictions, make_dataset, random_world
from bunri.cli import main
from bunri.io import read_predictions, write_coco, write_predictions
from bunri.io.blocks import read_blocks


@dataclass
class Terminal:
    """Runs the command in this process; knows what it printed."""

    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    folder: Path
    err: str = ""

    def run(self, *words: object, exit_code: int = 0) -> str:
        self.monkeypatch.setattr(sys, "argv", ["bunri", *map(str, words)])
        with pytest.raises(SystemExit) as caught:
            main()
        printed = self.capsys.readouterr()
        self.err = printed.err
        assert (caught.value.code or 0) == exit_code, printed.err
        return printed.out

    def json(self, *words: object) -> Any:
        return json.loads(self.run(*words, "--json"))


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """A folder with truth.json and the predictions a.parquet, b.csv and c.json on it."""
    dataset, members = random_world(images=30, members=3)
    write_coco(dataset, tmp_path / "truth.json")
    for member, name in zip(members, ("a.parquet", "b.csv", "c.json"), strict=True):
        write_predictions(member, tmp_path / name, dataset)
    monkeypatch.chdir(tmp_path)
    return Terminal(monkeypatch, capsys, tmp_path)


def test_eval_in_words_and_as_json(terminal: Terminal) -> None:
    values = terminal.json("eval", "a.parquet", "--truth", "truth.json")
    assert 0.1 < values["mAP50"] < 1
    assert set(values["AP50"]) == {"class0", "class1", "class2"}
    text = terminal.run("eval", "a.parquet", "--truth", "truth.json")
    assert f"{values['mAP50']:.4f}" in text
    assert "lowest score" in text


def test_eval_with_intervals(terminal: Terminal) -> None:
    values = terminal.json("eval", "b.csv", "--truth", "truth.json", "--resamples", 50)
    low, high = values["mAP50_interval"]
    assert low < values["mAP50"] < high


def test_a_floor_lowers_the_score(terminal: Terminal) -> None:
    whole = terminal.json("eval", "a.parquet", "--truth", "truth.json")
    cut = terminal.json("eval", "a.parquet", "--truth", "truth.json", "--min-score", 0.9)
    assert cut["mAP50"] < whole["mAP50"]


@pytest.mark.parametrize(
    "verb",
    [
        ["eval", "a.parquet"],
        ["compare", "a.parquet", "b.csv"],
        ["search", "a.parquet", "b.csv"],
        ["gain", "a.parquet", "--add", "b.csv"],
    ],
)
def test_a_truth_without_boxes_scores_nothing(terminal: Terminal, verb: list[str]) -> None:
    dataset, _ = random_world(images=30)
    write_coco(make_dataset([], image_ids=dataset.images.id.tolist()), terminal.folder / "empty.json")
    terminal.run(*verb, "--truth", "empty.json", exit_code=3)
    assert "empty.json has none. Give the annotated file." in terminal.err


def test_fuse_with_options(terminal: Terminal) -> None:
    words = ["fuse", "a.parquet", "b.csv", "--images", "truth.json", "--weights", "2,1", "--iou", "0.7"]
    facts = terminal.json(*words, "--out", "fused.parquet", "--max-boxes", 5)
    assert facts["members"] == ["a", "b"]
    assert facts["boxes"] <= 5 * 30
    fused = terminal.json("eval", "fused.parquet", "--truth", "truth.json")
    assert fused["images"] == 30


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--weights", "2,x"], "weights must be numbers with commas between"),
        (["--weights", "2"], "weights must have one number for each of the 2 members"),
        (["--method", "magic"], "method must be one of wbf, nms, soft_nms, nmw, but got 'magic'"),
        (["--member", "a=b.csv"], "both a"),
        (["--sigma", "1"], "--sigma must go with --method soft_nms, but the method is wbf"),
        (["--method", "nms", "--soft-min-score", "0.1"], "--soft-min-score must go with --method soft_nms"),
        (["--method", "nmw", "--conf-type", "max"], "--conf-type must go with --method wbf, but the method is nmw"),
        (["--recipe", "r.json", "--iou", "0.5"], "a recipe has options of its own, but --iou came too"),
    ],
)
def test_options_that_cannot_be(terminal: Terminal, words: list[str], message: str) -> None:
    terminal.run("fuse", "a.parquet", "b.csv", "--images", "truth.json", "--out", "f.csv", *words, exit_code=2)
    assert message in terminal.err
    assert not (terminal.folder / "f.csv").exists()


def test_what_search_found_fuse_applies(terminal: Terminal) -> None:
    words = ["search", "a.parquet", "b.csv", "c.json", "--truth", "truth.json", "--families", "fused", "folds=2"]
    found = terminal.json(*words, "resamples=50", "--out", "recipe.json", "--out-of-fold", "oof.parquet")
    honest = terminal.json("eval", "oof.parquet", "--truth", "truth.json")
    assert found["mAP50"] == pytest.approx(honest["mAP50"], abs=1e-9)
    assert "in sample" in terminal.err or terminal.err == ""
    members = found["recipe"]["members"]
    files = [name for name in ("a.parquet", "b.csv", "c.json") if name[0] in members]
    facts = terminal.json("fuse", "--recipe", "recipe.json", *files, "--images", "truth.json", "--out", "f.parquet")
    assert sorted(facts["members"]) == sorted(members)
    made_by = json.loads((terminal.folder / "recipe.json").read_text())["found"]["made_by"]
    assert made_by["sha256"] == {
        name: hashlib.sha256((terminal.folder / name).read_bytes()).hexdigest()
        for name in ("truth.json", "a.parquet", "b.csv", "c.json")
    }
    assert made_by["bunri"] == version("bunri")


def test_large_files_are_searched_block_by_block_to_the_same_end(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal.run("convert", "b.csv", "d.parquet", "--images", "truth.json")
    words = ["search", "a.parquet", "d.parquet", "--truth", "truth.json", "folds=2", "resamples=20"]
    words += ["--families", "fused,per_class"]
    whole = terminal.json(*words, "--out", "whole.json", "--out-of-fold", "whole.parquet")
    monkeypatch.setattr("bunri.io.blocks.is_large", lambda *_: True)
    blocks = terminal.json(*words, "--out", "blocks.json", "--out-of-fold", "blocks.parquet")
    assert "searched block by block" in terminal.err
    assert (terminal.folder / "blocks.json").read_bytes() == (terminal.folder / "whole.json").read_bytes()
    assert blocks["gain"] == whole["gain"]
    found, asked = (terminal.json("eval", f"{one}.parquet", "--truth", "truth.json") for one in ("blocks", "whole"))
    assert found == asked


def test_a_recipe_without_its_member_is_refused_or_told(terminal: Terminal) -> None:
    words = ["search", "a.parquet", "b.csv", "--truth", "truth.json", "--families", "fused", "folds=2", "resamples=20"]
    terminal.run(*words, "--out", "recipe.json")
    fuse = ["fuse", "--recipe", "recipe.json", "a.parquet", "--images", "truth.json", "--out", "f.parquet"]
    terminal.run(*fuse, exit_code=3)
    assert "member b of the recipe is not there" in terminal.err
    assert not (terminal.folder / "f.parquet").exists()
    terminal.run(*fuse, "--allow-missing")
    assert (terminal.folder / "f.parquet").exists()


def test_gain_of_each_member_added(terminal: Terminal) -> None:
    words = ["gain", "a.parquet", "--add", "b.csv", "c.json", "--truth", "truth.json", "--families", "fused"]
    gains = terminal.json(*words, "folds=2", "resamples=50")["gains"]
    assert [one["added"] for one in gains] == ["b", "c"]
    for one in gains:
        assert one["low"] <= one["gain"] <= one["high"]


def test_compare_tells_files_of_one_name_apart(terminal: Terminal) -> None:
    for model in ("ensemble", "fcos"):
        (terminal.folder / model).mkdir()
        (terminal.folder / model / "oof.csv").write_bytes((terminal.folder / "b.csv").read_bytes())
    words = ("--truth", "truth.json", "--resamples", 20)
    values = terminal.json("compare", "ensemble/oof.csv", "fcos/oof.csv", *words)
    assert (values["a"], values["b"]) == ("ensemble/oof", "fcos/oof")
    values = terminal.json("compare", "a.parquet", "b.csv", *words)
    assert (values["a"], values["b"]) == ("a", "b")


def test_compare_says_a_verdict(terminal: Terminal) -> None:
    values = terminal.json("compare", "a.parquet", "b.csv", "--truth", "truth.json", "--resamples", 100)
    assert values["low"] <= values["difference"] <= values["high"]
    assert values["verdict"] in ("better", "worse", "undecided")
    same = terminal.json("compare", "a.parquet", "a.parquet", "--truth", "truth.json", "--resamples", 20)
    assert same["difference"] == 0
    assert same["verdict"] == "undecided"


@pytest.mark.parametrize("time", ["soon", "0s", "-1"])
def test_a_budget_that_is_no_time(terminal: Terminal, time: str) -> None:
    terminal.run("search", "a.parquet", "b.csv", "--truth", "truth.json", f"time={time}", exit_code=2)
    assert "a time must be a number of s, m or h, such as 60s" in terminal.err


def test_a_stopped_search_says_how_to_go_on(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["search", "a.parquet", "b.csv", "--truth", "truth.json", "--families", "fused", "folds=2", "resamples=20"]
    told: list[str] = []

    def interrupt(text: str) -> None:
        told.append(text)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("bunri.cli.ensembles.say", interrupt)
        terminal.run(*words, "--out", "recipe.json", exit_code=1)
    assert "The same command goes on from recipe.state.json" in terminal.err
    assert "in sample" in told[0]
    assert (terminal.folder / "recipe.state.json").exists()
    terminal.run(*words, "--out", "recipe.json")
    assert not (terminal.folder / "recipe.state.json").exists()
    assert (terminal.folder / "recipe.json").exists()


def test_folds_of_one_model_are_one_member(terminal: Terminal) -> None:
    words = ["fuse", "a.parquet", "--member", "both=b.csv,c.json", "--images", "truth.json", "--out", "f.parquet"]
    assert terminal.json(*words)["members"] == ["a", "both"]
    terminal.run(
        "fuse", "a.parquet", "--member", "both=b.csv,", "--images", "truth.json", "--out", "f.parquet", exit_code=2
    )
    assert "--member must be NAME=FILE or NAME=FILE,FILE" in terminal.err


def test_a_comparison_says_the_floors_it_met(terminal: Terminal) -> None:
    assert "(lowest: a 0.0" in terminal.run("compare", "a.parquet", "b.csv", "--truth", "truth.json")


def test_large_files_go_block_by_block_with_the_same_result(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, members = random_world(images=30, members=2, seed=4)
    for member in members:
        write_predictions(member, terminal.folder / f"{member.name}.parquet", dataset)
    fuse = ["fuse", "member0.parquet", "member1.parquet", "--images", "truth.json", "--max-boxes", 5, "--out"]
    score = ["eval", "member0.parquet", "--truth", "truth.json"]
    whole = terminal.json(*fuse, "whole.parquet"), terminal.json(*score)
    monkeypatch.setattr("bunri.io.blocks.read_blocks", partial(read_blocks, whole=0, block=50))
    assert terminal.json(*fuse, "blocks.parquet") == whole[0] | {"out": "blocks.parquet"}
    assert "member0.parquet is not in the order of its images" in terminal.err
    assert terminal.json(*score) == whole[1]
    assert_same_predictions(*(read_predictions(f"{name}.parquet", dataset) for name in ("blocks", "whole")))


@pytest.mark.parametrize("verb", ["fuse", "search", "gain"])
def test_members_that_looked_at_other_images_are_told(terminal: Terminal, verb: str) -> None:
    dataset, members = random_world(images=30, members=1)
    fewer = replace(members[0][members[0].image_id > 4], seen_image_id=dataset.images.id[4:])
    write_predictions(fewer, terminal.folder / "fewer.parquet", dataset)
    words = {
        "fuse": ["a.parquet", "fewer.parquet", "--images", "truth.json", "--out", "f.parquet"],
        "search": ["a.parquet", "fewer.parquet", "--truth", "truth.json", "--families", "fused", "--folds", "2"],
        "gain": ["a.parquet", "--add", "fewer.parquet", "--truth", "truth.json"],
    }[verb]
    terminal.run(verb, *words)
    [warning] = [line for line in terminal.err.splitlines() if line.startswith("warning: members must")]
    assert "looked at the same images, but fewer not at 4 of 30, first 1. On such an image" in warning
    terminal.run(verb, *["b.csv" if "fewer" in word else word for word in words])
    assert "warning: members must" not in terminal.err
