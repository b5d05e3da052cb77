from pathlib import Path

import pytest

from bunri.errors import DataError
from bunri.files import write_json
from bunri.run_folder import RunFolder, begun_runs, run_folder_of


def test_where_a_run_lies(tmp_path: Path) -> None:
    assert run_folder_of(tmp_path, "trash", "fcos", 2).path == tmp_path / "trash/fcos/fold2"
    assert run_folder_of(tmp_path, "trash", "fcos", 2, seed=7).path == tmp_path / "trash/fcos/fold2/seed7"


def test_the_manifest_gathers_facts(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    assert folder.status == "new"
    assert not folder.path.exists()
    folder.update_manifest({"status": "running", "seed": 1})
    folder.update_manifest({"status": "done"})
    assert folder.read_manifest() == {"status": "done", "seed": 1}
    assert folder.status == "done"


def test_a_job_that_is_no_object_is_told_with_the_next_step(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert folder.read_job() == {}
    write_json(folder.job_file, ["fcos"])
    with pytest.raises(DataError, match=r"must be a JSON object, but .*job\.json is a list\. Begin the run anew"):
        folder.read_job()
    write_json(folder.job_file, {"model": "fcos"})
    assert folder.read_job() == {"model": "fcos"}


def test_clearing_takes_what_a_run_made_and_nothing_of_the_users(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    own = [folder.metrics_file, folder.results_file, folder.log_file, folder.checkpoint_file("best")]
    own += [folder.predictions_file("val"), folder.view_file("val", "hflip")]
    for path in [*own, tmp_path / "notes.txt"]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    folder.update_manifest({"status": "done"})
    folder.clear()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["notes.txt"]
    assert folder.status == "new"


def test_runs_that_have_begun_are_found_but_no_copies_of_them(tmp_path: Path) -> None:
    for place in ("b/fold0", "a/fold0", "a/fold0/.snapshot", "a/fold1/seed1"):
        write_json(tmp_path / place / "manifest.json", {})
    (tmp_path / "c" / "fold0").mkdir(parents=True)
    found = [run.path.relative_to(tmp_path).as_posix() for run in begun_runs(tmp_path)]
    assert found == ["a/fold0", "a/fold1/seed1", "b/fold0"]
    assert begun_runs(tmp_path / "b" / "fold0") == [RunFolder(tmp_path / "b" / "fold0")]
