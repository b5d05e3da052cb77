"""A local folder into a store."""

from pathlib import Path

from bunri.store.file_system import Store
from bunri.store.index import BOARD, MANIFEST, hashes_of, local_files, read_index, write_index

IS_OVER = ("done", "stopped_early")
"""Statuses of a run that nothing follows."""


def put(folder: Path, store: Store) -> list[str]:
    """Make a folder of a store the same as a local one; gives what was put.

    What has not changed since it was put, by its SHA-256, is not put again. However it breaks off, a run in the store
    is never taken as finished that is not all there: ``manifest.json`` (of an experiment ``leaderboard.json``) is put
    last, and one that says so already is taken away first. Files are of the folder, not of runs below it.

    Raises:
        OutputError: The store cannot be written.
        DataError: The store cannot be read.
    """
    paths, there = local_files(folder), read_index(store)
    now = hashes_of(folder, [path for path in paths if path not in (MANIFEST, BOARD)])
    ends = {path: (folder / path).read_bytes() for path in paths if path in (MANIFEST, BOARD)}
    changed, gone = [path for path, value in now.items() if there.get(path) != value], there.keys() - now.keys()
    if changed or gone:
        _take_ends_away(store)
        write_index(store, {path: value for path, value in there.items() if path not in changed})
        for path in changed:
            store.put(folder / path, path)
        for path in gone:
            store.delete(path)
        write_index(store, now)
    told = [path for path, content in ends.items() if store.read(path) != content]
    for path in told:
        store.write(path, ends[path])
    return [*changed, *told]


def _take_ends_away(store: Store) -> None:
    """Nothing may say that all is there while it is not."""
    if store.read_json(MANIFEST).get("status") in IS_OVER:
        store.delete(MANIFEST)
    if store.read(BOARD) is not None:
        store.delete(BOARD)
