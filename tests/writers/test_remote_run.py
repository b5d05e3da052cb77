from pathlib import Path

from bunri.events import Scalars
from bunri.files import read_json
from bunri.run_folder import RunFolder
from bunri.writers.remote_run import RemoteRun


def test_a_continued_run_keeps_its_id_and_its_steps_never_go_back(tmp_path: Path) -> None:
    first = RemoteRun(RunFolder(tmp_path), "wandb")
    assert first.run_id is None
    first.began("abc")
    for step in (10, 20, 20, 30):
        assert first.is_new(Scalars(step))
        first.told(step)
    second = RemoteRun(RunFolder(tmp_path), "wandb")
    assert (second.run_id, second.step) == ("abc", 30)
    assert [second.is_new(Scalars(step)) for step in (20, 30, 40)] == [False, False, True]
    second.told(40)
    assert second.is_new(Scalars(40))  # the losses and the validation of one step are two events
    assert read_json(tmp_path / "wandb_run.json", "the run") == {"run_id": "abc", "step": 40}


def test_a_fresh_start_is_another_run(tmp_path: Path) -> None:
    RemoteRun(RunFolder(tmp_path), "wandb").began("abc")
    RunFolder(tmp_path).clear()
    assert RemoteRun(RunFolder(tmp_path), "wandb").run_id is None
