from pathlib import Path

from bunri.run_folder import RunFolder
from bunri.watch.glances import Glance, Glances, worth_a_look
from watch.watched_runs import write_run


def glance(label: str, status: str, sign: float) -> Glance:
    return Glance(label, RunFolder(Path(label)), status, sign)


def test_running_ones_come_first_then_the_latest() -> None:
    runs = [glance("a", "done", 5), glance("b", "running", 1), glance("c", "failed", 9), glance("d", "done", 5)]
    shown, left_out = worth_a_look(runs, 3)
    assert [run.label for run in shown] == ["b", "c", "a"]
    assert [run.label for run in left_out] == ["d"]


def test_a_status_that_changes_is_seen(tmp_path: Path) -> None:
    folder, glances = RunFolder(write_run(tmp_path / "fold0")), Glances()
    assert glances.at("fold0", folder).status == "running"
    folder.manifest_file.write_text('{"status": "done", "engine": "torchvision"}')
    assert glances.at("fold0", folder).status == "done"
    folder.manifest_file.write_text("[")
    assert glances.at("fold0", folder).status == "broken"


def test_a_folder_that_wrote_nothing_is_last(tmp_path: Path) -> None:
    found = Glances().at("fold0", RunFolder(tmp_path))
    assert (found.status, found.sign) == ("new", 0.0)
