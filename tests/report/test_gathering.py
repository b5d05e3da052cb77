import shutil
from pathlib import Path

import pytest

from bunri.errors import DataError
from bunri.files import read_json, write_json
from bunri.io import load_dataset, read_predictions
from bunri.report.ensembles import plain_fusion, what_each_adds
from bunri.report.facts import ReportFacts
from bunri.report.gathering import gather
from bunri.report.sources import find_sources
from experiment_builders import MODELS, make_experiment_folder, recipe


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_experiment_folder(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def facts(folder: Path) -> ReportFacts:
    return gathered(folder)


def gathered(*paths: Path, truth: Path | None = None) -> ReportFacts:
    return gather(find_sources(paths, truth)).facts


def test_nothing_is_missing(facts: ReportFacts) -> None:
    assert facts.missing == {}


def test_leaderboard_is_as_in_its_file(folder: Path, facts: ReportFacts) -> None:
    board = read_json(folder / "leaderboard.json", "the leaderboard")
    assert [row.model for row in facts.leaderboard.rows] == [*MODELS, "ensemble"]
    assert [row.mAP50.value for row in facts.leaderboard.rows] == [row["mAP50"] for row in board["rows"]]
    [gain] = facts.leaderboard.gains
    assert (gain.place, gain.best_model, gain.verdict) == ("out_of_fold", board["gain"]["b"], board["gain"]["verdict"])
    assert facts.leaderboard.best_single is not None
    assert facts.leaderboard.best_single.model == gain.best_model
    assert facts.leaderboard.ensemble is facts.leaderboard.rows[-1]


def test_curves_of_every_run_under_one_set_of_names(facts: ReportFacts) -> None:
    assert len(facts.curves) == len(MODELS) * 2 * 3
    assert {curve.name for curve in facts.curves} == {"train/loss", "lr", "val/mAP50"}
    validation = next(curve for curve in facts.curves if curve.name == "val/mAP50")
    assert (validation.model, validation.run, validation.steps) == ("faster_rcnn", "faster_rcnn/fold0", (20, 40, 60))


def test_classes_come_with_their_boxes_most_frequent_first(folder: Path, facts: ReportFacts) -> None:
    boxes = [each.boxes for each in facts.classes]
    assert boxes == sorted(boxes, reverse=True)
    assert sum(boxes) == facts.boxes == len(read_json(folder / "../../data/train.json", "labels")["annotations"])


def test_members_have_the_scores_of_their_evaluation_ensembles_last(folder: Path, facts: ReportFacts) -> None:
    assert [member.name for member in facts.members] == [*MODELS, "ensemble"]
    assert [member.is_ensemble for member in facts.members] == [False, False, False, True]
    for member in facts.members:
        evaluation = read_json(folder / member.name / "evaluation.json", "the evaluation")["out_of_fold"]
        assert evaluation["AP50"] == member.AP50
        assert {size: one.mAP50 for size, one in member.sizes.items()} == {
            size: evaluation[f"mAP50_{size}"] for size in ("small", "medium", "large")
        }


def test_counts_of_mistakes_confusions_and_sizes_agree(facts: ReportFacts) -> None:
    for member in facts.members:
        assert member.counts["hit"] + member.counts["missed"] == facts.boxes
        assert sum(share.share.found for share in member.sizes.values()) == member.counts["hit"]
        boxes = sum(count for kind, count in member.counts.items() if kind != "missed")
        assert sum(sum(row[:-1]) for row in member.confusion) == boxes


def test_the_recipe_its_path_and_what_each_member_adds(folder: Path, facts: ReportFacts) -> None:
    [ensemble] = facts.ensembles
    assert ensemble.recipe == str(recipe())
    assert [(step.recipe, step.candidates) for step in ensemble.path] == list(zip(MODELS, (1, 11, 21), strict=True))
    assert ensemble.gains_missing is None
    truth = load_dataset(folder / "../../data/train.json")
    members = {name: read_predictions(folder / name / "oof.parquet", truth, name) for name in MODELS}
    expected = what_each_adds(recipe(), members, truth)
    for member in ensemble.members:
        assert member.gain is not None
        assert (member.gain.value, member.verdict) == (expected[member.name].difference, expected[member.name].verdict)


def test_for_a_recipe_that_cannot_do_without_a_member_plain_fusing_stands_in(folder: Path, tmp_path: Path) -> None:
    copied = moved(folder, tmp_path)
    content = read_json(copied / "ensemble" / "recipe.json", "the recipe") | {"method": "learned"}
    write_json(copied / "ensemble" / "recipe.json", content)
    [ensemble] = gathered(copied).ensembles
    assert (ensemble.stand_in, ensemble.gains_missing) == (f"wbf IoU 0.55: {' + '.join(MODELS)}", None)
    truth = load_dataset(folder / "../../data/train.json")
    members = {name: read_predictions(folder / name / "oof.parquet", truth, name) for name in MODELS}
    expected = what_each_adds(plain_fusion(recipe()), members, truth)
    gains = {member.name: member.gain and member.gain.value for member in ensemble.members}
    assert gains == {name: one.difference for name, one in expected.items()}


def test_a_recipe_that_was_not_searched_has_no_path(folder: Path, tmp_path: Path) -> None:
    copied = moved(folder, tmp_path)
    (copied / "ensemble" / "search.json").unlink()
    assert [ensemble.path for ensemble in gathered(copied).ensembles] == [()]


def test_each_threshold_of_the_sampler_is_said_once(facts: ReportFacts) -> None:
    assert [(sampler.threshold, sampler.models) for sampler in facts.samplers] == [
        (0.3, ("faster_rcnn",)),
        (0.0, ("retinanet", "fcos")),
    ]
    assert facts.samplers[0].epoch_length_ratio > 1
    assert all(seen.boxes == seen.boxes_sampled for seen in facts.samplers[1].classes)


def test_manifests_in_words(facts: ReportFacts) -> None:
    assert [run.label for run in facts.runs][:2] == ["faster_rcnn/fold0", "faster_rcnn/fold1"]
    run = facts.runs[0]
    assert (run.status, run.facts["command"], run.facts["versions.torch"]) == ("done", "bunri run small.yaml", "2.14.1")
    assert "git" not in run.facts


@pytest.mark.parametrize(
    ("absent", "sections"),
    [
        ("leaderboard.json", {"leaderboard"}),
        ("ensemble/recipe.json", {"ensemble"}),
        ("experiment.json", {"data"}),
        ("../../data/train.json", {"data"}),
    ],
)
def test_what_is_absent_is_said_and_the_rest_is_there(
    folder: Path, tmp_path: Path, absent: str, sections: set[str]
) -> None:
    copied = moved(folder, tmp_path)
    (copied / absent).unlink()
    facts = gathered(copied)
    assert set(facts.missing) == sections
    assert len(facts.runs) == len(MODELS) * 2
    assert all("must be" in reason for reasons in facts.missing.values() for reason in reasons)


def moved(folder: Path, tmp_path: Path, name: str = "copy") -> Path:
    """A copy of the whole project whose experiment file says where it is now."""
    shutil.copytree(folder.parents[1], tmp_path / name)
    copied = tmp_path / name / "runs" / folder.name
    experiment = read_json(copied / "experiment.json", "the experiment")
    experiment["data"]["annotations"] = str(tmp_path / name / "data" / "train.json")
    write_json(copied / "experiment.json", experiment)
    return copied


def test_without_a_leaderboard_the_members_are_measured(folder: Path, facts: ReportFacts, tmp_path: Path) -> None:
    copied = moved(folder, tmp_path)
    (copied / "leaderboard.json").unlink()
    rows = gathered(copied).leaderboard.rows
    assert [(row.model, row.mAP50.value) for row in rows] == [
        (row.model, row.mAP50.value) for row in facts.leaderboard.rows
    ]
    assert [row.images for row in rows] == [8] * 4
    assert [row.is_ensemble for row in rows] == [False, False, False, True]


def test_a_member_that_is_broken_leaves_the_others(folder: Path, tmp_path: Path) -> None:
    copied = moved(folder, tmp_path)
    (copied / "fcos" / "oof.parquet").write_bytes(b"PAR1 and nothing more")
    facts = gathered(copied)
    assert [member.name for member in facts.members] == ["faster_rcnn", "retinanet", "ensemble"]
    [reason] = facts.missing["members"]
    assert "oof.parquet" in reason
    assert "fcos" in (facts.ensembles[0].gains_missing or "")


def test_an_unfinished_experiment_has_a_report(tmp_path: Path) -> None:
    facts = gathered(tmp_path)
    assert {"leaderboard", "runs", "ensemble", "data"} <= set(facts.missing)
    assert (len(facts.leaderboard.rows), len(facts.curves), len(facts.members)) == (0, 0, 0)


def test_a_file_of_ours_that_is_broken_is_said(folder: Path, tmp_path: Path) -> None:
    copied = moved(folder, tmp_path)
    (copied / "leaderboard.json").write_text('{"rows": [')
    assert "line 1" in gathered(copied).missing["leaderboard"][0]
    (copied / "leaderboard.json").write_text('{"something": "else"}')
    assert "leaderboard.json" in gathered(copied).missing["leaderboard"][0]


def test_single_runs_are_measured_on_what_they_held_out(folder: Path, tmp_path: Path) -> None:
    copied = moved(folder, tmp_path)
    for fold in (0, 1):
        target = copied / "fcos" / f"fold{fold}" / "predictions" / "val.parquet"
        target.parent.mkdir()
        shutil.copy(copied / "fcos" / "oof.parquet", target)
    facts = gathered(copied / "fcos" / "fold0", copied / "fcos" / "fold1")
    assert [row.model for row in facts.leaderboard.rows] == ["fcos/fold0", "fcos/fold1"]
    assert [member.name for member in facts.members] == ["fcos/fold0", "fcos/fold1"]
    assert {curve.run for curve in facts.curves} == {"fcos/fold0", "fcos/fold1"}
    assert set(facts.missing) == set()


def test_files_of_predictions_with_their_truth(folder: Path, facts: ReportFacts, tmp_path: Path) -> None:
    for name in ("fcos", "ensemble"):
        shutil.copy(folder / name / "oof.parquet", tmp_path / f"{name}.parquet")
    files = [tmp_path / "ensemble.parquet", tmp_path / "fcos.parquet"]
    found = gathered(*files, truth=folder / "../../data/train.json")
    assert [member.name for member in found.members] == ["fcos", "ensemble"]
    assert found.members[0] == facts.members[2]
    assert set(found.missing) == {"runs"}


def test_a_file_that_was_named_must_be_right(folder: Path, tmp_path: Path) -> None:
    truth = folder / "../../data/train.json"
    (tmp_path / "fcos.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(DataError, match=r"fcos\.parquet"):
        gathered(tmp_path / "fcos.parquet", truth=truth)
    with pytest.raises(DataError, match=r"gone\.json"):
        gathered(folder / "fcos" / "oof.parquet", truth=tmp_path / "gone.json")


def test_several_experiments_stand_side_by_side_and_other_data_is_told(folder: Path, tmp_path: Path) -> None:
    copied = moved(folder, tmp_path)
    shutil.copytree(copied, copied.parent / "twin")
    other = moved(folder, tmp_path, "elsewhere")
    other.rename(copied.parent / "other")
    facts = gathered(copied.parent)
    assert [row.model for row in facts.leaderboard.rows][::4] == [
        "other/faster_rcnn",
        "small/faster_rcnn",
        "twin/faster_rcnn",
    ]
    assert [member.name for member in facts.members][:3] == ["other/faster_rcnn", "other/retinanet", "other/fcos"]
    assert len(facts.members) == 4
    assert len(facts.missing["data"]) == 2
    assert all("report it alone" in reason for reason in facts.missing["data"])
    together = gathered(copied, copied.parent / "twin")
    assert len(together.members) == 8
    assert [ensemble.experiment for ensemble in together.ensembles] == ["small", "twin"]
    assert together.missing == {}
