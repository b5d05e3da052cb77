"""Arms of a sweep that are behind, given up while they train."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from bunri.config import load_experiment
from bunri.errors import ConfigError, UsageError
from bunri.events import Ended, Event, PhaseStarted, Scalars
from bunri.experiment import Leaderboard, dry_run, run
from bunri.experiment.arms import Arms
from bunri.experiment.handle import Handle
from bunri.experiment.plan import planned_runs
from bunri.files import read_json, write_text
from bunri.hypotheses import judge
from bunri.inference.models import runs_below
from bunri.ledger import scan
from bunri.report.reading import read_leaderboard
from bunri.report.sources import find_sources
from bunri.run_folder import RunFolder
from experiment_files import TESTS, write_experiment

POOR = "a-skill_0.1"
RULE = {"grace_epochs": 1.0, "min_others": 2}


@pytest.fixture(autouse=True)
def _where_the_fake_engine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TESTS)


def write(folder: Path, skills: list[float | None], **changes: Any) -> Path:
    """A sweep of three arms and more, and a model beside it."""
    path = write_experiment(
        folder, {"a": {"steps": 8, "hopeless": 0.5}, "b": {"steps": 2, "noise": 2}}, jobs=1, **changes
    )
    values = yaml.safe_load(path.read_text())
    values["models"][0] |= {"sweep": {"set.skill": skills}}
    path.write_text(yaml.safe_dump({"early_stopping": RULE, **values}))
    return path


def run_folder(folder: Path, model: str, fold: int = 0) -> RunFolder:
    return RunFolder(folder / "runs" / "tiny" / model / f"fold{fold}")


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Leaderboard]:
    """Whole trainings first, then the same again with the rule: what the former left must not be taken."""
    folder = tmp_path_factory.mktemp("swept")
    path = write(folder, [2.0, 1.0, 0.1])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(TESTS)
        run(path, ("early_stopping=null", "models.a.set.hopeless=0", "folds.run=[0]", "ensemble=null"))
        assert (folder / "runs" / "tiny" / POOR / "oof.parquet").exists()
        return path, run(path, ("ensemble.method=wbf",), overwrite=True)


def test_the_arm_behind_ends_at_a_checkpoint_and_says_why_and_when(swept: tuple[Path, Leaderboard]) -> None:
    folder = run_folder(swept[0].parent, POOR)
    manifest = folder.read_manifest()
    assert manifest["status"] == "stopped_early"
    assert manifest["stopped_early"] == {"epoch": 1.0, "best": 0.002, "median": 0.03, "others": 2}
    assert manifest["message"].startswith("stopped early at epoch 1: its best mAP50 so far, 0.0020, is below 0.0300")
    assert folder.checkpoint_file("last").exists()
    assert read_json(folder.checkpoint_file("last"), "the checkpoint")["step"] == 2
    assert not folder.predictions_file("val").exists()
    assert run_folder(swept[0].parent, POOR, 1).status == "new"  # nothing of it could be joined


def test_it_has_a_row_without_scores_and_is_in_no_ensemble(swept: tuple[Path, Leaderboard]) -> None:
    board = swept[1]
    assert [row.model for row in board.rows] == ["a-skill_2", "a-skill_1", POOR, "b", "ensemble"]
    row = board.rows[2]
    assert (row.mAP50, row.low, row.test_mAP50, row.stages) == (None, None, None, "one")
    assert row.stopped_early is not None
    assert row.stopped_early.startswith(f"{POOR} fold0: stopped early at epoch 1")
    assert all(other.stopped_early is None and other.mAP50 is not None for other in board.rows if other is not row)
    members = read_json(board.folder / "ensemble" / "recipe.json", "the recipe")["members"]
    assert members == ["a-skill_2", "a-skill_1", "b"]
    left = {file.name for file in (board.folder / POOR).iterdir() if file.is_file()}
    assert left == set()  # no oof.parquet, that gain, search or compare could take


def test_report_and_ledger_say_so(swept: tuple[Path, Leaderboard]) -> None:
    board = swept[1]
    rows = read_leaderboard(find_sources([board.folder]), board.folder).rows
    assert [row.model for row in rows if row.stopped_early] == [POOR]
    entry = next(entry for entry in scan(board.folder.parent) if entry.name == f"tiny/{POOR}")
    assert entry.out_of_fold is None
    assert "stopped early at epoch 1" in entry.facts["stopped_early"]


def test_it_cannot_be_predicted_with_but_the_experiment_can(swept: tuple[Path, Leaderboard]) -> None:
    board = swept[1]
    with pytest.raises(UsageError, match=f"{POOR} was stopped early.*early_stopping=null"):
        runs_below(board.folder / POOR)
    assert len(runs_below(board.folder)) == 6


def test_resuming_leaves_it_alone_unless_asked(swept: tuple[Path, Leaderboard]) -> None:
    path, board = swept
    before = run_folder(path.parent, POOR).manifest_file.read_bytes()
    assert {planned.action for planned in dry_run(path, resume=True).runs} == {"skip"}
    assert run(path, ("ensemble.method=wbf",), resume=True) == board
    assert run_folder(path.parent, POOR).manifest_file.read_bytes() == before
    asked = dry_run(path, (f"early_stopping.spare=[{POOR}]",), resume=True).runs
    assert [one.action for one in asked if one.model.name == POOR] == ["continue", "train"]


def test_a_claim_is_judged_on_whole_trainings(tmp_path: Path) -> None:
    path = write(tmp_path, [2.0, 1.0, 0.1])
    run(path)
    arms = {
        "good": {"experiment": "tiny.yaml", "model": "a-skill_2"},
        "poor": {"experiment": "tiny.yaml", "model": POOR},
    }
    claim = {"claim": "no difference", "effect": "good - poor", "smallest_effect": 0.1}
    write_text(tmp_path / "claims.yaml", yaml.safe_dump({"resamples": 100, "arms": arms, "hypotheses": {"H": claim}}))
    row = judge(tmp_path / "claims.yaml").to_dict()["hypotheses"][0]
    assert {check["name"]: check["state"] for check in row["footing"]}["iterations"] == "equal"
    manifest = run_folder(tmp_path, POOR).read_manifest()
    assert (manifest["status"], manifest["stopped_early"]) == ("done", None)
    board = run(path, resume=True)  # it is whole now
    assert all(row.stopped_early is None for row in board.rows)


def test_where_no_validation_is_reported_the_arm_is_refused_with_the_next_step(tmp_path: Path) -> None:
    path = write(tmp_path, [1.0, 2.0, None], folds={"count": 2, "run": [0], "near_duplicates": False})
    with pytest.raises(
        ConfigError, match=r"(?s)needs val/mAP50 while a-skill_None trains.*--resume early_stopping=null"
    ):
        run(path)
    assert run_folder(tmp_path, "a-skill_None").status == "failed"
    assert run_folder(tmp_path, "b").status == "done"


@pytest.mark.parametrize(
    ("skills", "override", "mistake"),
    [
        (
            [1.0, 2.0],
            "early_stopping.min_others=2",
            "3 arms of one sweep must be there to compare, but there are 2",
        ),
        ([1.0, 2.0, 3.0], "recipe.epochs=1", "a-skill_1 must be validated after 1 epochs and before its end"),
        ([1.0, 2.0, 3.0], "early_stopping.spare=[a-skill_4]", "no model 'a-skill_4'; did you mean"),
        ([1.0, 2.0, 3.0], "early_stopping.rule=asha", "early_stopping.rule"),
    ],
)
def test_a_rule_that_could_not_work_is_refused(
    tmp_path: Path, skills: list[float | None], override: str, mistake: str
) -> None:
    with pytest.raises(ConfigError, match=mistake):
        load_experiment(write(tmp_path, skills), (override,))


class Race:
    """Arms a, b, c and d on two folds, as they are heard in any order; nothing trains."""

    def __init__(self, folder: Path, *overrides: str) -> None:
        path = write_experiment(folder, {name: {"steps": 8} for name in "abcd"})
        values = yaml.safe_load(path.read_text())
        for model in values["models"]:
            model["arm_of"] = "question"
        path.write_text(yaml.safe_dump(values | {"early_stopping": RULE}))
        experiment = load_experiment(path, overrides)
        self.runs = {run.label: run for run in planned_runs(experiment)}
        self.arms = Arms(experiment, list(self.runs.values()))
        for label in self.runs:
            self.say(label, PhaseStarted("train", 8))

    def say(self, label: str, event: Event) -> list[str]:
        return list(self.arms.hear(self.runs[label], event))

    def validate(self, label: str, epoch: int, mAP50: float) -> list[str]:
        return self.say(label, Scalars(2 * epoch, {"val/mAP50": mAP50}, float(epoch)))


def test_one_that_was_faster_is_judged_when_the_others_have_come_as_far(tmp_path: Path) -> None:
    race = Race(tmp_path)
    assert race.validate("a fold0", 1, 0.1) == []
    assert race.validate("b fold0", 1, 0.5) == []
    assert race.validate("c fold1", 1, 0.5) == []  # another fold
    assert race.validate("c fold0", 1, 0.5) == ["a fold0", "a fold1"]
    given_up = race.arms.given_up(race.runs["a fold1"])
    assert given_up is not None
    assert given_up.message.startswith("its run a fold0 was stopped early at epoch 1")
    assert race.validate("d fold0", 1, 0.4) == ["d fold0", "d fold1"]
    assert race.arms.given_up(race.runs["b fold0"]) is None


def test_whole_ended_and_spared_arms_are_not_stopped(tmp_path: Path) -> None:
    race = Race(tmp_path, "early_stopping.spare=[b]")
    assert race.validate("a fold0", 4, 0.1) == []  # step 8 of 8
    assert race.validate("b fold0", 4, 0.1) == []
    race.validate("c fold0", 3, 0.1)
    race.say("c fold0", Ended("failed"))
    assert race.validate("d fold0", 4, 0.9) == []


def test_one_arm_of_a_question_always_stays(tmp_path: Path) -> None:
    race = Race(tmp_path)
    for label, mAP50 in {"a fold0": 0.1, "b fold0": 0.5, "c fold0": 0.5, "b fold1": 0.1, "c fold1": 0.1}.items():
        race.validate(label, 1, mAP50)
    race.validate("d fold1", 1, 0.2)
    race.validate("d fold0", 1, 0.4)  # a and d are behind on one fold
    for label, mAP50 in {"a fold1": 0.5, "d fold1": 0.5, "b fold1": 0.1, "c fold1": 0.1}.items():
        race.validate(label, 2, mAP50)  # b and c on the other
    stopped = [name for name in "abcd" if race.arms.given_up(race.runs[f"{name} fold0"]) is not None]
    assert len(stopped) == 3


def test_a_run_that_goes_back_to_its_checkpoint_forgets_what_came_later(tmp_path: Path) -> None:
    race = Race(tmp_path)
    race.validate("a fold0", 1, 0.1)
    race.validate("a fold0", 2, 0.9)
    race.say("a fold0", PhaseStarted("train", 8, step=2))
    race.validate("b fold0", 1, 0.5)
    assert race.validate("c fold0", 1, 0.5) == ["a fold0", "a fold1"]


def test_a_validation_that_is_no_number_is_none_now_and_on_resume(tmp_path: Path) -> None:
    race = Race(tmp_path)
    race.validate("a fold0", 1, math.nan)
    race.validate("b fold0", 1, 0.5)
    assert race.validate("c fold0", 1, 0.5) == race.validate("d fold0", 1, 0.5) == []
    assert race.validate("a fold0", 2, math.nan) == []
    write_text(race.runs["a fold0"].folder.metrics_file, '{"step": 2, "epoch": 1.0, "val/mAP50": null}\n')
    runs = [replace(run, action="continue") for run in race.runs.values()]
    resumed = Arms(load_experiment(tmp_path / "tiny.yaml"), runs)
    for name in "bcda":
        scalars = Scalars(2, {"val/mAP50": 0.5}, 1.0)
        assert resumed.hear(race.runs[f"{name} fold0"], scalars) == {}


def test_models_of_no_sweep_are_never_stopped(tmp_path: Path) -> None:
    race = Race(tmp_path, "models.a.arm_of=null")
    race.validate("a fold0", 1, 0.0)
    for label in ("b fold0", "c fold0", "d fold0"):
        assert race.validate(label, 1, 0.5) == []


def test_an_end_keeps_its_name_unless_it_was_asked_for(tmp_path: Path) -> None:
    handle, reason = Handle(), Ended("stopped_early", "behind")
    assert handle.end_of(Ended("stopped")) == Ended("stopped")
    handle.give_up(reason)
    assert handle.end_of(Ended("stopped")) == reason
    assert handle.end_of(Ended("done")) == Ended("done")
    assert handle.end_of(Ended("failed", "x", 1)) == Ended("failed", "x", 1)
    stopped = Handle()
    stopped.stop()
    stopped.give_up(reason)  # Ctrl-C was first
    assert stopped.end_of(Ended("stopped")) == Ended("stopped")
