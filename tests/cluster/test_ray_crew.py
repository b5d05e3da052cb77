"""Experiments of the fake engine on a Ray cluster of several local nodes, one of which is killed."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bunri.cluster.shared_folder import driving
from bunri.config import Experiment
from bunri.errors import ConfigError, EngineError, UsageError
from bunri.experiment import dry_run, run
from bunri.experiment.crew import Crew, OpenCrew
from bunri.run_folder import RunFolder
from cluster.conftest import ONE_RUN_EACH
from experiment_files import write_experiment

pytestmark = [pytest.mark.cluster, pytest.mark.filterwarnings("default")]  # Ray leaves sockets to the collector


def until(something: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not something():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def folders_of(root: Path) -> list[RunFolder]:
    return [RunFolder(root / "runs" / "tiny" / "a" / f"fold{fold}") for fold in (0, 1)]


def files_of(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name != ".driver"}


def records_of(folder: RunFolder, time_too: bool = False) -> list[dict[str, float]]:
    """All, with or without the time of day."""
    lines = folder.metrics_file.read_text().splitlines()
    return [{name: v for name, v in json.loads(line).items() if name != "time" or time_too} for line in lines]


def test_what_a_lost_node_ran_goes_on_elsewhere_and_is_as_a_local_run(
    tmp_path: Path, cluster: Any, on_ray: OpenCrew, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write_experiment(tmp_path / "far", {"a": {"steps": 12, "slow_from": 5}})
    folders = folders_of(tmp_path / "far")

    def kill_a_node() -> None:
        until(lambda: all(folder.checkpoint_file("last").exists() for folder in folders))
        cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)

    killer = threading.Thread(target=kill_a_node)
    killer.start()
    board = run(path, open_crew=on_ray)
    killer.join()
    cluster.add_node(**ONE_RUN_EACH)
    err = capfd.readouterr().err
    assert "its node was lost; it goes on elsewhere from its last checkpoint" in err
    assert "a fold0: done" in err

    local = run(write_experiment(tmp_path / "here", {"a": {"steps": 12}}))
    assert files_of(board.folder) == files_of(local.folder)
    assert (board.folder / "submission.csv").read_bytes() == (local.folder / "submission.csv").read_bytes()
    for folder, twin in zip(folders, folders_of(tmp_path / "here"), strict=True):
        told, expected = records_of(folder), records_of(twin)
        assert told == [record for record in expected if record in told]
        untold = {record["step"] for record in expected if record not in told}
        assert len(untold) <= (
            len(folder.read_manifest()["nodes"]) - 1
        )  # of the step in which nobody listened any more
        assert folder.predictions_file("val").read_bytes() == twin.predictions_file("val").read_bytes()
    manifests = [folder.read_manifest() for folder in folders]
    assert [manifest["status"] for manifest in manifests] == ["done", "done"]
    assert sorted(len(set(manifest["nodes"])) for manifest in manifests) == [1, 2]


def test_runs_stop_at_a_checkpoint_leave_the_queue_and_go_on_with_resume(tmp_path: Path, on_ray: OpenCrew) -> None:
    path = write_experiment(tmp_path, {"a": {"steps": 6, "wait_at": 3}, "b": {"steps": 4}})
    crews: list[Crew] = []

    def open_crew(experiment: Experiment, facts: dict[str, Any]) -> Crew:
        crews.append(on_ray(experiment, facts))
        return crews[0]

    def stop() -> None:
        until(lambda: all(folder.checkpoint_file("last").exists() for folder in folders_of(tmp_path)))
        crews[0].stop()  # type: ignore[attr-defined]

    stopper = threading.Thread(target=stop)
    stopper.start()
    with pytest.raises(EngineError, match=r"stopped with \d of 4 runs unfinished"):
        run(path, ("models.b.resources.memory_gb=1",), open_crew=open_crew)
    stopper.join()
    assert [folder.status for folder in folders_of(tmp_path)] == ["stopped", "stopped"]

    board = run(path, ("models.b.resources.memory_gb=1",), resume=True)  # what began on a cluster ends on one machine
    assert [row.model for row in board.rows][:2] == ["a", "b"]


def test_failures_are_as_on_one_machine(tmp_path: Path, on_ray: OpenCrew) -> None:
    path = write_experiment(tmp_path, {"a": {"steps": 4, "crash_at": 2}, "b": {"steps": 4}})
    with pytest.raises(EngineError, match="a fold0 failed: RuntimeError: CUDA out of patience") as caught:
        run(path, open_crew=on_ray)
    assert str(folders_of(tmp_path)[0].log_file) in str(caught.value)
    done = [RunFolder(tmp_path / "runs" / "tiny" / "b" / f"fold{fold}").status for fold in (0, 1)]
    assert done == ["done", "done"]

    with (
        driving(tmp_path / "runs" / "tiny"),
        pytest.raises(UsageError, match="another one runs it on a cluster"),
    ):
        run(path, resume=True, open_crew=on_ray)


def test_a_plan_knows_the_nodes_and_what_no_node_holds_is_refused(tmp_path: Path, on_ray: OpenCrew) -> None:
    path = write_experiment(tmp_path)
    run(path)
    plan = dry_run(path, ("runs=" + str(tmp_path / "runs"),), overwrite=True, open_crew=on_ray)
    seconds = [guess.seconds for guess in plan.estimates if guess is not None]
    assert plan.seconds == max(seconds)  # two nodes, two runs
    with pytest.raises(ConfigError, match="a node must have 1 CPUs, 1 GPUs and"):
        run(path, ("models.exact.resources.gpus=1",), overwrite=True, open_crew=on_ray)


def test_runs_of_higher_priority_begin_first(tmp_path: Path, on_ray: OpenCrew) -> None:
    path = write_experiment(tmp_path, {name: {"steps": 2} for name in ("a", "b", "c")}, ensemble=None)
    board = run(path, ("models.c.priority=1", "models.b.priority=2"), open_crew=on_ray)
    assert [row.model for row in board.rows] == ["a", "b", "c"]
    began = {
        name: [records_of(RunFolder(board.folder / name / f"fold{fold}"), time_too=True)[0]["time"] for fold in (0, 1)]
        for name in ("a", "b")
    }
    assert max(began["b"]) < min(began["a"])  # two nodes, two runs of c in between


def test_an_arm_that_is_behind_is_given_up_on_the_cluster_too(tmp_path: Path, on_ray: OpenCrew) -> None:
    models = {name: {"steps": 6, "skill": skill} for name, skill in {"a": 2.0, "b": 1.0, "c": 0.1}.items()}
    models["c"]["hopeless"] = 0.5
    path = write_experiment(tmp_path, models, early_stopping={"grace_epochs": 1.0, "min_others": 2})
    overrides = tuple(f"models.{name}.arm_of=question" for name in models)
    board = run(path, overrides, open_crew=on_ray)
    stopped = [row.stopped_early for row in board.rows if row.model == "c"]
    assert stopped[0] is not None
    assert "its best mAP50 so far, 0.0020, is below 0.0300" in stopped[0]
    assert {row.model for row in board.rows if row.mAP50 is not None} >= {"a", "b"}
    manifest = RunFolder(board.folder / "c" / "fold0").read_manifest()
    assert (manifest["status"], manifest["stopped_early"]["others"]) == ("stopped_early", 2)
