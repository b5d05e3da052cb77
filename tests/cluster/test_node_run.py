"""The side of the node, without Ray."""

import threading
from importlib import metadata
from pathlib import Path

import pytest

from bunri.cluster import node_run
from bunri.cluster.node_run import NodeRun, Order
from bunri.cluster.shared_folder import Sign, driving
from bunri.config import load_experiment
from bunri.events import Ended, Note, from_line
from bunri.experiment.data import load_data, write_data
from bunri.experiment.locking import locked
from bunri.experiment.plan import job_of, planned_runs
from bunri.experiment.runs import PreparedRun
from bunri.experiment.schedule import Room
from bunri.files import write_json
from experiment_files import TESTS, write_experiment


def order_for(
    folder: Path, sign: Sign, native: str = "steps: 4\n", said: tuple[str, ...] = (), **changes: object
) -> Order:
    path = write_experiment(folder)
    (folder / "exact.yaml").write_text(native)
    experiment = load_experiment(path, ("writers.console=false", "watchdog_minutes=1", *said))
    run = planned_runs(experiment)[0]
    job = job_of(experiment, run, write_data(load_data(experiment), experiment))
    job = job.model_copy(update={"resolved": run.folder.resolved_config_file(), "python_path": (TESTS,)})
    prepared = PreparedRun(run, job, native, "")
    order = {"facts": {"bunri": "x"}, "bunri": metadata.version("bunri"), "room": Room(1), **changes}
    return Order(experiment=experiment, prepared=prepared, python_path=(TESTS,), sign=sign, **order)  # type: ignore[arg-type]


def test_a_run_on_a_node_tells_all_it_does(tmp_path: Path) -> None:
    node = NodeRun("node one")
    with driving(tmp_path) as sign:
        order = order_for(tmp_path, sign)
        assert node.run(order).status == "done"
    heard = [from_line(line) for line in node.events(0)]
    assert isinstance(heard[-1], Ended)
    assert node.events(len(heard)) == []
    manifest = order.prepared.run.folder.read_manifest()
    assert (manifest["status"], manifest["nodes"], manifest["bunri"]) == ("done", ["node one"], "x")


def test_several_processes_train_a_model_on_a_node(tmp_path: Path) -> None:
    said = ("models.exact.engine=ranked_engine:RankedEngine", "models.exact.resources.processes=2", "device=cpu")
    with driving(tmp_path) as sign:
        order = order_for(tmp_path, sign, "{steps: 2, batch: 4}", said)
        assert NodeRun("one").run(order) == Ended("done")
    shares = [(order.prepared.run.folder.path / f"rows{rank}").read_text().split() for rank in (0, 1)]
    assert shares == [["0", "2", "4", "6"], ["1", "3", "5", "7"]]


def test_an_answer_that_got_lost_can_be_asked_for_again() -> None:
    node = NodeRun("one")
    for text in "abc":
        node.write(Note(text))
    assert node.events(0) == node.events(0)
    assert [from_line(line) for line in node.events(2)] == [Note("c")]
    node.write(Note("d"))
    assert [from_line(line) for line in node.events(3)] == [Note("d")]


def test_after_a_loss_a_run_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    with driving(tmp_path) as sign:
        order = order_for(tmp_path, sign, "steps: 4\ncrash_at: 1\n", lost=1)
        assert (
            NodeRun("one").run(order).message == "RuntimeError: CUDA out of patience"
        )  # no checkpoint: from the start
        write_json(order.prepared.run.folder.checkpoint_file("last"), {"step": 2})
        assert NodeRun("two").run(order) == Ended("done")
    assert order.prepared.run.folder.read_manifest()["nodes"] == ["one", "two"]


def test_a_node_waits_for_the_folder_of_a_lost_one_but_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_run, "SECONDS_FOR_LOST_NODE", 0.0)
    with driving(tmp_path) as sign:
        order = order_for(tmp_path, sign, lost=1)
        with locked(order.prepared.run.folder):
            ended = NodeRun("two").run(order)
    assert (ended.status, ended.exit_code) == ("failed", 2)
    assert "another process trains in it" in ended.message


def test_a_node_refuses_another_folder_and_another_version(tmp_path: Path) -> None:
    with driving(tmp_path) as sign:
        elsewhere = order_for(tmp_path, Sign(tmp_path / "no" / ".driver", "x"))
        assert "all nodes share" in NodeRun("one").run(elsewhere).message
        other = order_for(tmp_path, sign, bunri="0.0.1")
        assert "all nodes must have bunri 0.0.1" in NodeRun("one").run(other).message
    assert other.prepared.run.folder.status == "new"


def test_a_run_is_stopped_at_a_checkpoint(tmp_path: Path) -> None:
    node, ends = NodeRun("one"), list[Ended]()
    with driving(tmp_path) as sign:
        order = order_for(tmp_path, sign, "steps: 4\nwait_at: 3\n")
        thread = threading.Thread(target=lambda: ends.append(node.run(order)))
        thread.start()
        heard = 0
        while not order.prepared.run.folder.checkpoint_file("last").exists():
            heard += len(node.events(heard))
        node.stop()
        thread.join(60)
    assert ends == [Ended("stopped", "stopped on request at a checkpoint")]


def test_a_stop_before_the_worker_is_there_is_heard(tmp_path: Path) -> None:
    node = NodeRun("one")
    node.stop()
    with driving(tmp_path) as sign:
        assert node.run(order_for(tmp_path, sign, "steps: 4\nwait_at: 3\n")).status == "stopped"
