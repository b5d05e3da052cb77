"""A folder of a store onto this machine."""

from pathlib import Path, PurePosixPath

from bunri.errors import DataError, UsageError
from bunri.files import replace_atomically, sha256_of
from bunri.store.file_system import Store
from bunri.store.index import BOARD, MANIFEST, NAME, rank, read_index


def fetch(store: Store, folder: Path) -> list[str]:
    """Copy all that lies below a folder of a store, of a run or of an experiment with its runs; gives what was copied.

    What is here already, by its SHA-256, is not copied. Each file is written whole, a manifest after all other files,
    so that a fetch that breaks off leaves nothing that looks finished.

    Raises:
        UsageError: There is nothing to be fetched.
        DataError: The store cannot be read, or a file of it is not the one that was put.
        OutputError: The folder cannot be written.
    """
    there = store.files()
    paths = sorted((path for path in there if PurePosixPath(path).name != NAME), key=rank)
    if not paths:
        raise UsageError(f"{store.url} must be a folder of a store that has something in it, but has nothing")
    hashes = _hashes(store, [path for path in there if PurePosixPath(path).name == NAME])
    wanted = [path for path in paths if not _is_here(folder / path, hashes.get(path))]
    for path in wanted:
        if PurePosixPath(path).name in (MANIFEST, BOARD):
            (folder / path).unlink(missing_ok=True)
    for path in wanted:
        _copy(store, path, folder / path, hashes.get(path))
    return wanted


def _hashes(store: Store, indexes: list[str]) -> dict[str, str]:
    """Of all files below that were put whole, each by the index of the folder it was put with."""
    found: dict[str, str] = {}
    for index in indexes:
        inside = index.removesuffix(NAME)
        of_folder = read_index(store.folder(inside.rstrip("/")) if inside else store)
        found |= {f"{inside}{path}": value for path, value in of_folder.items()}
    return found


def _is_here(path: Path, sha256: str | None) -> bool:
    return sha256 is not None and path.is_file() and sha256_of(path) == sha256


def _copy(store: Store, path: str, file: Path, sha256: str | None) -> None:
    with replace_atomically(file) as temporary:
        store.get(path, temporary)
        if sha256 is not None and sha256_of(temporary) != sha256:
            raise DataError(
                f"{store.url}/{path} must be the file that was put there, but has changed since, or is damaged. "
                "If it is being put at this moment, fetch again; else put the run again from where it was trained."
            )
