import shutil
from pathlib import Path

import pytest

from bunri.errors import UsageError
from bunri.files import read_json, write_json
from bunri.report.facts import EnsembleMember, ReportFacts
from bunri.report.gathering import gather_facts
from experiment_builders import MODELS, make_experiment_folder, recipe


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_experiment_folder(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def facts(folder: Path) -> ReportFacts:
    return gather_facts(folder)


def test_nothing_is_missing(facts: ReportFacts) -> None:
    assert facts.missing == {}


def test_leaderboard_is_as_in_its_file(folder: Path, facts: ReportFacts) -> None:
    board = read_json(folder / "leaderboard.json", "the leaderboard")
    assert [row.model for row in facts.leaderboard.rows] == [*MODELS, "ensemble"]
    assert [row.mAP50.value for row in facts.leaderboard.rows] == [row["mAP50"] for row in board["rows"]]
    [gain] = facts.leaderboard.gains
    assert (gain.place, gain.best_model, gain.verdict) == ("out of fold", board["gain"]["b"], board["gain"]["verdict"])
    assert facts.leaderboard.best_single is not None
    assert facts.leaderboard.best_single.model == gain.best_model
    assert facts.leaderboard.ensemble is facts.leaderboard.rows[-1]


def test_curves_of_every_run_under_one_set_of_names(facts: ReportFacts) -> None:
    assert len(facts.curves) == len(MODELS) * 2 * 3
    assert {curve.name for curve in facts.curves} == {"train/loss", "lr", "val/mAP50"}
    validation = next(curve for curve in facts.curves if curve.name == "val/mAP50")
    assert (validation.model, validation.run, validation.steps) == ("faster_rcnn", "faster_rcnn/fold0", (20, 40, 60))


def test_classes_come_with_their_boxes_most_frequent_first(folder: Path, facts: ReportFacts) -> None:
    boxes = [score.boxes for score in facts.classes]
    assert boxes == sorted(boxes, reverse=True)
    assert sum(boxes) == facts.boxes == len(read_json(folder / "../../data/train.json", "labels")["annotations"])
    evaluation = read_json(folder / "fcos" / "evaluation.json", "the evaluation")["out_of_fold"]["AP50"]
    assert {score.name: score.AP50["fcos"] for score in facts.classes} == evaluation


def test_the_recipe_and_its_path(facts: ReportFacts) -> None:
    assert facts.ensemble is not None
    assert facts.ensemble.recipe == str(recipe())
    assert facts.ensemble.members[1] == EnsembleMember("retinanet", 0.5, 0.01)
    assert [(step.recipe, step.candidates) for step in facts.ensemble.path] == list(
        zip(MODELS, (1, 11, 21), strict=True)
    )


def test_a_recipe_that_was_not_searched_has_no_path(folder: Path, tmp_path: Path) -> None:
    copied = moved(folder, tmp_path)
    (copied / "ensemble" / "search.json").unlink()
    ensemble = gather_facts(copied).ensemble
    assert ensemble is not None
    assert ensemble.path == ()


def test_each_threshold_of_the_sampler_is_said_once(facts: ReportFacts) -> None:
    assert [(sampler.threshold, sampler.models) for sampler in facts.samplers] == [
        (0.3, ("faster_rcnn",)),
        (0.0, ("retinanet", "fcos")),
    ]
    assert facts.samplers[0].epoch_length_ratio > 1
    assert all(seen.boxes == seen.boxes_sampled for seen in facts.samplers[1].classes)


def test_mistakes_and_photos_of_the_best_model_and_the_ensemble(facts: ReportFacts) -> None:
    assert facts.leaderboard.best_single is not None
    members = [facts.leaderboard.best_single.model, "ensemble"]
    assert [mistakes.member for mistakes in facts.mistakes] == members
    assert [panel.title for panel in facts.photos[0].panels] == ["truth", *members]
    errors = [photo.errors for photo in facts.photos]
    assert errors == sorted(errors, reverse=True)
    for mistakes in facts.mistakes:
        assert mistakes.kinds["hit"] + mistakes.missed == facts.boxes


def test_manifests_in_words(facts: ReportFacts) -> None:
    assert [run.label for run in facts.runs][:2] == ["faster_rcnn/fold0", "faster_rcnn/fold1"]
    run = facts.runs[0]
    assert (run.status, run.facts["command"], run.facts["versions.torch"]) == ("done", "bunri run small.yaml", "2.14.1")
    assert "git" not in run.facts


@pytest.mark.parametrize(
    ("absent", "sections"),
    [
        ("leaderboard.json", {"leaderboard", "mistakes"}),
        ("ensemble/recipe.json", {"ensemble"}),
        ("fcos/evaluation.json", {"classes"}),
        ("ensemble/oof.parquet", {"mistakes"}),
        ("experiment.json", {"experiment", "data", "classes", "sampler", "mistakes"}),
        ("../../data/train.json", {"data", "classes", "sampler", "mistakes"}),
    ],
)
def test_what_is_absent_is_said_and_the_rest_is_there(
    folder: Path, tmp_path: Path, absent: str, sections: set[str]
) -> None:
    copied = moved(folder, tmp_path)
    (copied / absent).unlink()
    facts = gather_facts(copied)
    assert set(facts.missing) == sections
    assert len(facts.runs) == len(MODELS) * 2
    assert all("must be" in sentence for section, sentence in facts.missing.items() if section == min(sections))


def moved(folder: Path, tmp_path: Path) -> Path:
    """A copy of the whole project whose experiment file says where it is now."""
    shutil.copytree(folder.parents[1], tmp_path / "copy")
    copied = tmp_path / "copy" / "runs" / folder.name
    experiment = read_json(copied / "experiment.json", "the experiment")
    experiment["data"]["annotations"] = str(tmp_path / "copy" / "data" / "train.json")
    write_json(copied / "experiment.json", experiment)
    return copied


def test_an_empty_folder_lacks_everything_and_crashes_nothing(tmp_path: Path) -> None:
    facts = gather_facts(tmp_path)
    assert {"leaderboard", "runs", "ensemble", "data"} <= set(facts.missing)
    assert (len(facts.leaderboard.rows), len(facts.curves), len(facts.photos)) == (0, 0, 0)


def test_a_file_of_ours_that_is_broken_is_said(folder: Path, tmp_path: Path) -> None:
    copied = moved(folder, tmp_path)
    (copied / "leaderboard.json").write_text('{"rows": [')
    assert "line 1" in gather_facts(copied).missing["leaderboard"]
    (copied / "leaderboard.json").write_text('{"something": "else"}')
    assert "leaderboard.json" in gather_facts(copied).missing["leaderboard"]


def test_a_report_needs_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a folder"):
        gather_facts(tmp_path / "nowhere")
