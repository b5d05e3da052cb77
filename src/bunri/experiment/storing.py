"""An experiment in its store: what is there is fetched before anything trains, and what ends is put there."""

import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from bunri.config import Experiment
from bunri.errors import BunriError, UsageError
from bunri.experiment.locking import locked
from bunri.experiment.photo_record import FILE
from bunri.experiment.plan import PlannedRun
from bunri.files import write_bytes
from bunri.run_folder import RunFolder
from bunri.store import Store, fetch, put
from bunri.store.index import MANIFEST, local_files
from bunri.store.putting import IS_OVER
from bunri.writers import say_to_stderr

FIRST = ("data/folds.json", f"data/{FILE}")
"""What an experiment goes on by: the folds that were cut, and what the photos were."""


def store_of(experiment: Experiment) -> Store | None:
    """Where the experiment is kept; None where it is kept on this machine only.

    Raises:
        ConfigError: The URL is of no file system.
        MissingPackageError: What the storage needs is not installed.
    """
    return None if experiment.store is None else Store(f"{experiment.store.url.rstrip('/')}/{experiment.name}")


def fetch_begun(experiment: Experiment, runs: Sequence[PlannedRun], resume: bool, overwrite: bool) -> None:
    """Get what another machine has put there and this one lacks, so that it can go on or be skipped.

    Raises:
        UsageError: There is something, and it is not said whether to go on with it or to begin anew.
        OutputError: The store cannot be written.
        DataError: It cannot be read.
    """
    store = store_of(experiment)
    if store is None:
        return
    store.check()
    ahead = [] if overwrite else [run for run in runs if _is_ahead(_folder_of(store, experiment, run.folder), run)]
    if ahead and not resume:
        raise UsageError(
            f"{ahead[0].label} has been begun already, and is in {store.url}. Go on with --resume, begin anew with "
            "--overwrite, or give the experiment another name."
        )
    for name in FIRST if resume else ():
        if not (experiment.folder / name).exists() and (content := store.read(name)) is not None:
            write_bytes(experiment.folder / name, content)
    for run in ahead:
        say_to_stderr(f"{run.label}: fetched from {store.url}")
        with locked(run.folder):
            run.folder.clear()
            fetch(_folder_of(store, experiment, run.folder), run.folder.path)


def _is_ahead(store: Store, run: PlannedRun) -> bool:
    """Whether the run is there and not here, or has ended there and not here."""
    there, here = store.read_json(MANIFEST).get("status"), run.folder.status
    return there is not None and (here == "new" or (there in IS_OVER and here not in IS_OVER))


def _folder_of(store: Store, experiment: Experiment, run: RunFolder) -> Store:
    return store.folder(run.path.absolute().relative_to(experiment.folder.absolute()).as_posix())


@contextmanager
def stored(experiment: Experiment, run: RunFolder) -> Iterator[None]:
    """While the block trains a run, and when it has ended, put it into the experiment's store.

    Raises:
        OutputError: The store cannot be written: told before the training; or after it, and then nothing is lost here.
        DataError: It cannot be read.
    """
    whole = store_of(experiment)
    if whole is None or experiment.store is None:
        yield
        return
    store, minutes = _folder_of(whole, experiment, run), experiment.store.checkpoint_minutes
    store.check()
    with _putting_every(minutes, run, store):
        yield
    if minutes is not None or run.status in IS_OVER:
        put(run.path, store)


@contextmanager
def _putting_every(minutes: float | None, run: RunFolder, store: Store) -> Iterator[None]:
    """In a thread of its own: no training waits for a store, or ends because it is away for a while."""
    shutil.rmtree(run.path / SNAPSHOT, ignore_errors=True)  # of one that was killed
    if minutes is None:
        yield
        return
    has_ended = threading.Event()
    thread = threading.Thread(target=_put_until, args=(has_ended, minutes * 60, run, store))
    thread.start()
    try:
        yield
    finally:
        has_ended.set()
        thread.join()


def _put_until(has_ended: threading.Event, seconds: float, run: RunFolder, store: Store) -> None:
    while not has_ended.wait(seconds):
        try:
            if run.checkpoint_file("last").exists():
                put(_snapshot(run), store)
        except (BunriError, OSError) as error:
            say_to_stderr(f"{run.path}: its checkpoint is not in the store: {error}")
    shutil.rmtree(run.path / SNAPSHOT, ignore_errors=True)


SNAPSHOT = ".snapshot"


def _snapshot(run: RunFolder) -> Path:
    """A copy of a run that goes on, of one moment: records may be of later than the last checkpoint, never of earlier.

    A checkpoint is always replaced as a whole, so that a link to it stays what it is.
    """
    copy = run.path / SNAPSHOT
    shutil.rmtree(copy, ignore_errors=True)
    checkpoints = [run.checkpoint_file(which).relative_to(run.path).as_posix() for which in ("last", "best")]
    for path in dict.fromkeys([*checkpoints, *local_files(run.path)]):
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # replaced while we look
            _link(run.path / path, copy / path) if path in checkpoints else shutil.copyfile(
                run.path / path, copy / path
            )
    return copy


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # file systems without links refuse in words of their own
        shutil.copyfile(source, target)


def put_all(experiment: Experiment, runs: Sequence[PlannedRun]) -> None:
    """Put what is of no single run, the leaderboard last, and runs whose ends could not be put when they came.

    Raises:
        OutputError: The store cannot be written.
        DataError: It cannot be read.
    """
    store = store_of(experiment)
    if store is None:
        return
    for run in runs:
        folder = _folder_of(store, experiment, run.folder)
        if run.folder.status in IS_OVER and folder.read(MANIFEST) != run.folder.manifest_file.read_bytes():
            put(run.folder.path, folder)
    put(experiment.folder, store)
    say_to_stderr(f"kept in {store.url}")
