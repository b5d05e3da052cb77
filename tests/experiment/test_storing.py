"""Experiments that are kept in a store, here in the memory of the test."""

import errno
import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from bunri.config import load_experiment
from bunri.errors import ConfigError, DataError, EngineError, OutputError, UsageError
from bunri.experiment import run, storing
from bunri.experiment.storing import SNAPSHOT
from bunri.files import write_text
from bunri.ledger import scan
from bunri.report.sources import runs_of
from bunri.run_folder import RunFolder
from bunri.store import Store, fetch
from bunri.store.index import local_files
from bunri.writers.jsonl import read_metrics
from experiment_files import TESTS, write_experiment

fsspec = pytest.importorskip("fsspec", reason="pip install 'bunri[store]'")

URL = "memory://kept/runs"
ONE_FOLD = {"count": 2, "run": [0], "near_duplicates": False}


@pytest.fixture(autouse=True)
def _where_the_fake_engine_is(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(TESTS)
    yield
    fsspec.filesystem("memory").store.clear()


def elsewhere(folder: Path) -> str:
    return f"runs={folder / 'elsewhere'}"


def test_the_store_holds_the_same_as_the_folder_and_another_machine_takes_it_up(tmp_path: Path) -> None:
    path = write_experiment(tmp_path, store=URL)
    board = run(path)
    fetch(Store(f"{URL}/tiny"), tmp_path / "fetched")
    for part in ("", "exact/fold0", "exact/fold1"):
        files = local_files(board.folder / part)
        assert files == local_files(tmp_path / "fetched" / part)
        assert all(
            (tmp_path / "fetched" / part / f).read_bytes() == (board.folder / part / f).read_bytes() for f in files
        )
    with pytest.raises(
        UsageError, match=r"exact fold0 has been begun already, and is in memory://kept/runs/tiny\. Go on"
    ):
        run(path, (elsewhere(tmp_path),))
    again = run(path, (elsewhere(tmp_path),), resume=True)
    assert again.rows == board.rows
    assert (again.folder / "data" / "folds.json").read_bytes() == (board.folder / "data" / "folds.json").read_bytes()


def test_a_run_that_was_broken_off_goes_on_elsewhere(tmp_path: Path) -> None:
    store = {"url": URL, "checkpoint_minutes": 10}
    path = write_experiment(tmp_path, {"a": {"steps": 6, "kill_at": 5}}, store=store, folds=ONE_FOLD)
    with pytest.raises(EngineError, match="SIGKILL"):
        run(path)
    with pytest.raises(UsageError, match="is in memory"):
        run(path, (elsewhere(tmp_path),))
    board = run(path, (elsewhere(tmp_path),), resume=True)
    assert board.rows[0].mAP50 == pytest.approx(1.0)
    folder = RunFolder(board.folder / "a" / "fold0")
    losses = [(row["step"], row["train/loss"]) for row in read_metrics(folder.metrics_file) if "train/loss" in row]
    assert losses == [(step, 1.0 / step) for step in range(1, 7)]
    back = run(path, resume=True)  # the first machine takes what has ended elsewhere
    assert RunFolder(back.folder / "a" / "fold0").read_manifest() == folder.read_manifest()


def test_checkpoints_are_put_while_a_run_goes_on(tmp_path: Path) -> None:
    store = {"url": URL, "checkpoint_minutes": 0.001}
    path = write_experiment(tmp_path, {"a": {"steps": 6, "wait_at": 5}}, store=store, folds=ONE_FOLD)
    seen: list[dict[str, object]] = []

    def watch() -> None:
        there, deadline = Store(f"{URL}/tiny/a/fold0"), time.monotonic() + 50
        while not there.read("checkpoints/last.pt") and time.monotonic() < deadline:
            time.sleep(0.05)
        while not there.read("manifest.json") and time.monotonic() < deadline:
            time.sleep(0.05)
        seen.append(there.read_json("manifest.json"))
        while not (tmp_path / "other" / "manifest.json").exists() and time.monotonic() < deadline:
            with suppress(DataError):  # the next put is on its way
                fetch(there, tmp_path / "other")

    watching = threading.Thread(target=watch)
    watching.start()
    with pytest.raises(EngineError, match="must say something every"):
        run(path, ("watchdog_minutes=0.15",))
    watching.join()
    assert seen[0]["status"] == "running"
    assert read_metrics(tmp_path / "other" / "metrics.jsonl")[-1]["step"] >= 2
    folder = tmp_path / "runs" / "tiny" / "a" / "fold0"
    assert not (folder / SNAPSHOT).exists()


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK])
def test_a_checkpoint_is_copied_where_it_cannot_be_linked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise OSError(number, os.strerror(number))

    write_text(tmp_path / "checkpoints" / "last.pt", "weights")
    monkeypatch.setattr(os, "link", refuse)
    assert (storing._snapshot(RunFolder(tmp_path)) / "checkpoints" / "last.pt").read_text() == "weights"


def test_the_copy_of_a_run_that_was_killed_is_no_run_and_goes_with_the_next(tmp_path: Path) -> None:
    path = write_experiment(tmp_path, store=URL, folds=ONE_FOLD)
    board = run(path)
    folder = board.folder / "exact" / "fold0"
    before = [(entry.minutes, entry.facts) for entry in scan(board.folder.parent)]
    shutil.copytree(folder, folder / SNAPSHOT)
    assert [found.path for found in runs_of(board.folder)] == [folder]
    assert [(entry.minutes, entry.facts) for entry in scan(board.folder.parent)] == before
    run(path, overwrite=True)
    assert not (folder / SNAPSHOT).exists()


def test_a_store_that_fails_at_the_end_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_experiment(tmp_path, store=URL, folds=ONE_FOLD)

    def fail(self: Store, file: Path, where: str) -> None:
        raise OutputError("the store is full")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "put", fail)
        with pytest.raises(EngineError, match=r"(?s)exact fold0 failed: the store is full.*--resume"):
            run(path)
    folder = RunFolder(tmp_path / "runs" / "tiny" / "exact" / "fold0")
    assert folder.status == "done"
    there = Store(f"{URL}/tiny/exact/fold0")
    assert there.read("manifest.json") is None
    before = folder.manifest_file.read_bytes()
    run(path, resume=True)
    assert there.read("manifest.json") == folder.manifest_file.read_bytes() == before


def test_overwriting_begins_anew_and_replaces_what_is_in_the_store(tmp_path: Path) -> None:
    path = write_experiment(tmp_path, store=URL, folds=ONE_FOLD)
    run(path)
    run(path, ("models.exact.set.steps=2", elsewhere(tmp_path)), overwrite=True)
    there = Store(f"{URL}/tiny/exact/fold0")
    assert there.read("resolved_config.yaml") == b"steps: 2\n"
    assert there.read_json("manifest.json")["status"] == "done"


def test_a_key_in_the_url_is_refused_and_not_repeated(tmp_path: Path) -> None:
    path = write_experiment(tmp_path)
    with pytest.raises(ConfigError, match=r"store\.url: must have no name, key or password") as caught:
        load_experiment(path, ("store=s3://AKIA:planted-secret@bucket/runs",))
    assert "planted-secret" not in str(caught.value)
    with pytest.raises(ConfigError, match=r"store\.checkpoint_minute: unknown key; did you mean 'checkpoint_minutes'"):
        load_experiment(path, ("store={url: s3://bucket, checkpoint_minute: 3}",))
