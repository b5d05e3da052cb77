"""What lies in a folder of a store: a file there with the hash of every other file."""

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from bunri.files import sha256_of
from bunri.store.file_system import Store

NAME = ".stored.json"
"""The file, in the store only. Manifests and leaderboards are not in it: it is written before them."""

MANIFEST, BOARD = "manifest.json", "leaderboard.json"
"""The last files of a run and of an experiment: what has one is whole."""

CHECKPOINTS = ("best", "last")
"""In the order in which a training writes them."""

Hashes = Mapping[str, str]
"""SHA-256 by path."""


def rank(path: str) -> tuple[int, str]:
    """Sorts files so that a copy that breaks off is a state in which a killed training leaves a folder as well.

    Records come first, then the best checkpoint, then the last one, and what says that all is there in the end.
    """
    file = PurePosixPath(path)
    if file.name in (MANIFEST, BOARD):
        return (3 if file.name == MANIFEST else 4), path
    is_checkpoint = file.parent.name == "checkpoints" and file.stem in CHECKPOINTS
    return (1 + CHECKPOINTS.index(file.stem) if is_checkpoint else 0), path


def local_files(folder: Path) -> list[str]:
    """Files below a folder that are of no run below it, by :func:`rank`; hidden ones, such as locks, are left out."""
    runs = {path.parent for path in folder.rglob(MANIFEST) if path.parent != folder}
    files = (path for path in folder.rglob("*") if path.is_file() and not runs & set(path.parents))
    paths = [path.relative_to(folder) for path in files]
    return sorted((path.as_posix() for path in paths if not any(part.startswith(".") for part in path.parts)), key=rank)


def hashes_of(folder: Path, paths: list[str]) -> dict[str, str]:
    """SHA-256 of local files."""
    return {path: sha256_of(folder / path) for path in paths}


def read_index(store: Store) -> dict[str, str]:
    """What the store says it holds."""
    return {str(path): str(value) for path, value in store.read_json(NAME).items()}


def write_index(store: Store, hashes: Hashes) -> None:
    """Say what it holds."""
    store.write(NAME, json.dumps(dict(sorted(hashes.items())), indent=1).encode())
