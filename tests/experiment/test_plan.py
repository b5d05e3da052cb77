from pathlib import Path
from typing import Any

import pytest

from bunri.config import load_experiment
from bunri.engines.base import Job
from bunri.errors import UsageError
from bunri.experiment.data import load_data, write_data
from bunri.experiment.plan import PlannedRun, changes_since, decide, hashes_of, job_of, plain, planned_runs
from bunri.files import read_json, write_json, write_text
from experiment_files import write_experiment


def planned(folder: Path, overrides: tuple[str, ...] = (), **changes: Any) -> list[tuple[PlannedRun, Job]]:
    models = {"a": {"steps": 2}, "b": {"steps": 2}}
    experiment = load_experiment(write_experiment(folder, models, **changes), overrides)
    files = write_data(load_data(experiment), experiment)
    return [(run, job_of(experiment, run, files)) for run in planned_runs(experiment)]


def begin(run: PlannedRun, job: Job, status: str, checkpoint: bool = True) -> None:
    """What is in the folder of a run that came to a status."""
    write_json(run.folder.job_file, plain(job))
    run.folder.update_manifest({"status": status, "sha256": hashes_of(run, job)})
    if checkpoint:
        write_text(run.folder.checkpoint_file("last"), "weights")


def test_every_model_is_seen_before_the_next_fold(tmp_path: Path) -> None:
    runs = [run for run, _ in planned(tmp_path)]
    assert [run.label for run in runs] == ["a fold0", "b fold0", "a fold1", "b fold1"]
    assert runs[3].folder.path == tmp_path / "runs" / "tiny" / "b" / "fold1"


def test_several_seeds_have_folders_of_their_own(tmp_path: Path) -> None:
    runs = [run for run, _ in planned(tmp_path, ("folds.run=[1]", "seeds=[3, 4]"))]
    assert [run.label for run in runs] == ["a fold1 seed3", "b fold1 seed3", "a fold1 seed4", "b fold1 seed4"]
    assert runs[2].folder.path == tmp_path / "runs" / "tiny" / "a" / "fold1" / "seed4"


def test_a_job_has_all_the_worker_needs(tmp_path: Path) -> None:
    _, job = planned(tmp_path, ("models.b.set.noise=2", "threads=1", "recipe.batch_size=3"))[3]
    assert job.config == job.run_folder / "config" / "b.yaml"
    assert job.overrides == {"noise": 2}
    assert (job.recipe.batch_size, job.threads, job.resume) == (3, 1, False)
    assert job.train is not None
    assert job.train.annotations.name == "fold1_train.json"
    assert list(job.predict) == ["test"]
    assert Job.validated(plain(job), "job.json") == job


@pytest.mark.parametrize(
    ("status", "checkpoint", "resume", "action"),
    [
        ("new", False, False, "train"),
        ("failed", False, False, "train"),  # nothing is lost
        ("failed", False, True, "train"),
        ("done", True, True, "skip"),
        ("stopped", True, True, "continue"),
        ("failed", True, True, "continue"),
        ("running", True, True, "continue"),  # killed: whoever still runs holds the lock
    ],
)
def test_what_is_done_with_a_run(tmp_path: Path, status: str, checkpoint: bool, resume: bool, action: str) -> None:
    run, job = planned(tmp_path)[0]
    if status != "new":
        begin(run, job, status, checkpoint)
    assert decide(run, job, resume) == action


@pytest.mark.parametrize(("status", "word"), [("done", "trained"), ("stopped", "begun"), ("running", "begun")])
def test_a_run_that_would_be_lost_is_refused(tmp_path: Path, status: str, word: str) -> None:
    run, job = planned(tmp_path)[0]
    begin(run, job, status)
    with pytest.raises(UsageError, match=f"a fold0 has been {word} already in .*--resume.*--overwrite.*another name"):
        decide(run, job, resume=False)


def test_a_run_is_only_resumed_as_it_was_begun(tmp_path: Path) -> None:
    run, job = planned(tmp_path)[0]
    begin(run, job, "stopped")
    (tmp_path / "a.yaml").write_text("steps: 3\n")
    changed, changed_job = planned_again(tmp_path, ("recipe.optimizer.lr=0.5", "models.a.set.noise=1"))
    with pytest.raises(UsageError, match="can only be resumed as it was begun") as caught:
        decide(changed, changed_job, resume=True)
    message = str(caught.value)
    assert "  recipe.optimizer.lr: was not given, is 0.5\n" in message
    assert "  overrides.noise: was not given, is 1\n" in message
    assert "  sha256.config: was '" in message
    assert "sha256.data" not in message


def planned_again(folder: Path, overrides: tuple[str, ...]) -> tuple[PlannedRun, Job]:
    """The first run of the experiment as it lies there."""
    experiment = load_experiment(folder / "tiny.yaml", overrides)
    files = write_data(load_data(experiment), experiment)
    run = planned_runs(experiment)[0]
    return run, job_of(experiment, run, files)


def test_a_run_of_an_older_version_goes_on(tmp_path: Path) -> None:
    run, job = planned(tmp_path)[0]
    begin(run, job, "stopped")
    written = read_json(run.folder.job_file, "the job")
    del written["standby"], written["processes"]  # as if the keys had come later
    write_json(run.folder.job_file, written)
    assert decide(*planned_again(tmp_path, ()), resume=True) == "continue"


@pytest.mark.parametrize("override", ["threads=1", "device=cpu", "jobs=1", "writers.csv=false"])
def test_how_a_run_is_done_may_change(tmp_path: Path, override: str) -> None:
    run, job = planned(tmp_path)[0]
    begin(run, job, "stopped")
    assert decide(*planned_again(tmp_path, (override,)), resume=True) == "continue"


@pytest.mark.parametrize(
    ("overrides", "processes", "device"),
    [
        ((), 1, "auto"),
        (("models.a.resources.gpus=0.5",), 1, "auto"),
        (("models.a.resources.gpus=2",), 2, "cuda"),  # never on the CPU for want of them
        (("models.a.resources.processes=3",), 3, "auto"),
        (("models.a.resources.processes=3", "device=cpu"), 3, "cpu"),
    ],
)
def test_a_job_knows_how_many_train_and_where(
    tmp_path: Path, overrides: tuple[str, ...], processes: int, device: str
) -> None:
    _, job = planned(tmp_path, overrides)[0]
    assert (job.processes, job.device) == (processes, device)


def test_another_number_of_processes_is_another_run(tmp_path: Path) -> None:
    run, job = planned(tmp_path, ("models.a.resources.processes=2",))[0]
    begin(run, job, "stopped")
    assert decide(*planned_again(tmp_path, ("models.a.resources.processes=2",)), resume=True) == "continue"
    with pytest.raises(UsageError, match="  processes: was 2, is 1\n"):
        decide(*planned_again(tmp_path, ()), resume=True)


def test_other_data_is_another_run(tmp_path: Path) -> None:
    run, job = planned(tmp_path)[0]
    begin(run, job, "stopped")
    changed = changes_since(*planned_again(tmp_path, ("folds.seed=1",)))
    assert [change.split(":")[0] for change in changed] == ["sha256.data.train", "sha256.data.val"]


def test_models_of_higher_priority_go_first_and_the_rest_keeps_its_order(tmp_path: Path) -> None:
    runs = [run for run, _ in planned(tmp_path, ("models.b.priority=2", "seeds=[0, 1]", "folds.run=[1, 0]"))]
    first = [f"b fold{fold} seed{seed}" for seed in (0, 1) for fold in (1, 0)]
    then = [f"a fold{fold} seed{seed}" for seed in (0, 1) for fold in (1, 0)]
    assert [run.label for run in runs] == first + then
    lower = [run for run, _ in planned(tmp_path, ("models.a.priority=-1",))]
    assert [run.label for run in lower] == ["b fold0", "b fold1", "a fold0", "a fold1"]
