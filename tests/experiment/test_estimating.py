from collections.abc import Sequence
from pathlib import Path

import pytest

from bunri.config import Experiment, load_experiment
from bunri.errors import ConfigError
from bunri.experiment.crew import LocalCrew
from bunri.experiment.estimating import TimedPlan, refuse_too_large, timed_plan
from bunri.experiment.plan import PlannedRun, planned_runs
from bunri.experiment.schedule import Room
from bunri.files import sha256_of, write_json
from bunri.run_folder import RunFolder
from experiment_files import write_experiment


def experiment_in(folder: Path, *overrides: str) -> Experiment:
    return load_experiment(write_experiment(folder, {"a": {"steps": 2}, "b": {"steps": 3}}), overrides)


def finish(folder: Path, config: Path, seconds: float, epochs: float | None = None, status: str = "done") -> None:
    """A run folder as a finished run leaves it."""
    manifest = {"status": status, "engine": "fake_engine:FakeEngine", "sha256": {"config": sha256_of(config)}}
    RunFolder(folder).update_manifest(manifest | {"seconds": {"train": seconds - 1.0, "predict": 1.0}})
    write_json(RunFolder(folder).job_file, {"recipe": {"epochs": epochs} if epochs else {}})


def plan_of(experiment: Experiment) -> TimedPlan:
    return timed_plan(LocalCrew(experiment, {}), planned_runs(experiment), experiment.runs)


def seconds_of(plan: TimedPlan) -> list[float | None]:
    return [None if guess is None else guess.seconds for guess in plan.estimates]


def test_nothing_is_known_before_a_run_has_been_finished(tmp_path: Path) -> None:
    experiment = experiment_in(tmp_path)
    finish(experiment.runs / "tiny" / "a" / "fold0", tmp_path / "a.yaml", 10.0, status="running")
    plan = plan_of(experiment)
    assert (seconds_of(plan), plan.seconds) == ([None] * 4, None)


def test_times_come_from_runs_of_the_same_config_first_of_the_same_experiment(tmp_path: Path) -> None:
    experiment = experiment_in(tmp_path)
    finish(experiment.runs / "other" / "x" / "fold0", tmp_path / "a.yaml", 99.0)
    finish(experiment.runs / "other" / "y" / "fold0" / "seed1", tmp_path / "b.yaml", 4.0)
    finish(experiment.runs / "tiny" / "a" / "fold0", tmp_path / "a.yaml", 10.0)
    finish(experiment.runs / "tiny" / "a" / "fold1", tmp_path / "a.yaml", 12.0)
    plan = plan_of(experiment)
    assert seconds_of(plan) == [11.0, 4.0, 11.0, 4.0]
    assert plan.seconds == 4.0 + 11.0  # two at once: a and b, from 4 on the other a, from 11 on the other b
    assert [row["estimated_from"] for row in plan.to_dict()["runs"]][:2] == ["this experiment", "another experiment"]


def test_times_of_the_same_model_go_before_those_of_another_with_its_config(tmp_path: Path) -> None:
    experiment = experiment_in(tmp_path, "models.b.config=" + str(tmp_path / "a.yaml"))
    finish(experiment.runs / "tiny" / "a" / "fold0", tmp_path / "a.yaml", 10.0)
    assert seconds_of(plan_of(experiment)) == [10.0, 10.0, 10.0, 10.0]
    finish(experiment.runs / "tiny" / "b" / "fold0", tmp_path / "a.yaml", 4.0)
    assert seconds_of(plan_of(experiment)) == [10.0, 4.0, 10.0, 4.0]


def test_times_are_in_proportion_to_the_epochs(tmp_path: Path) -> None:
    experiment = experiment_in(tmp_path, "recipe.epochs=6")
    finish(experiment.runs / "tiny" / "a" / "fold0", tmp_path / "a.yaml", 10.0, epochs=3)
    assert seconds_of(plan_of(experiment))[0] == 20.0


class SmallCrew(LocalCrew):
    """Whose node is too small for the model a."""

    def demand(self, run: PlannedRun) -> Room:
        return Room(8, 1, 32e9) if run.model.name == "a" else Room(1)

    def nodes(self) -> Sequence[Room]:
        return (Room(4, 0, 16e9),)


def test_what_no_node_holds_is_told_once_a_model(tmp_path: Path) -> None:
    experiment = experiment_in(tmp_path)
    with pytest.raises(ConfigError) as caught:
        refuse_too_large(SmallCrew(experiment, {}), planned_runs(experiment))
    assert caught.value.mistakes == ("models.a.resources: a node must have 8 CPUs, 1 GPUs and 32.0 GB, but none has",)
    assert "The nodes: 4 CPUs, 0 GPUs and 16.0 GB." in str(caught.value)
