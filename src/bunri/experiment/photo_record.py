"""What the photos of an experiment were when it began: a fold that learns from others would be another experiment."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import msgspec

from bunri.config import Experiment
from bunri.dataset import Dataset
from bunri.errors import DataError
from bunri.experiment.data import ExperimentData
from bunri.experiment.extra import load_extra
from bunri.files import read_bytes, write_bytes

FILE = "photos.json"
"""In the folder of the experiment's COCO files."""

END = 2**16
"""Bytes of a photo's beginning and of its end that are hashed, with its size; of a smaller one nothing is left out.

An encoder gives other bytes there for another picture, and 200,000 photos of any size are hashed in minutes.
"""

THREADS = 8


class Looks(msgspec.Struct):
    """Photos below a folder: sizes in bytes, times of their last change, hashes."""

    folder: str
    file: list[str]
    size: list[int]
    mtime_ns: list[int]
    digest: list[str]


def record_photos(experiment: Experiment, data: ExperimentData, anew: bool) -> None:
    """Keep what the photos are, beside the experiment's COCO files; those that are known must be as they were.

    A photo whose size and time are the same is not read again.

    Args:
        experiment: Names the folder.
        data: Its photos.
        anew: Whether all begins anew, and former photos are forgotten.

    Raises:
        DataError: A photo has changed since the experiment began.
        OutputError: The folder cannot be written.
    """
    path = experiment.folder / "data" / FILE
    known = {} if anew or not path.exists() else _read(path)
    looks, changed = {}, list[str]()
    for part, dataset in _parts(experiment, data):
        looks[part] = _look(str(dataset.image_folder), dataset.images.file_name, known.get(part), changed)
    _refuse(changed)
    write_bytes(path, msgspec.json.encode(looks))


def check_photos(annotations: Path) -> None:
    """Make sure, before a run begins, that the photos recorded beside its COCO file are as they were.

    Raises:
        DataError: One has changed.
    """
    path, changed = annotations.with_name(FILE), list[str]()
    for known in _read(path).values() if path.exists() else ():
        _look(known.folder, known.file, known, changed)
    _refuse(changed)


def _read(path: Path) -> dict[str, Looks]:
    try:
        return msgspec.json.decode(read_bytes(path, "the record of photos"), type=dict[str, Looks])
    except msgspec.MsgspecError as error:
        raise DataError(
            f"the record of photos must be as bunri writes it, but {path}: {error}. Begin anew with --overwrite."
        ) from error


def _parts(experiment: Experiment, data: ExperimentData) -> Iterator[tuple[str, Dataset]]:
    yield "train", data.train
    if data.test is not None:
        yield "test", data.test
    for model, fold, seed in product(experiment.models, experiment.folds.to_run, experiment.seeds):
        if model.extra is not None:
            yield f"{model.name} fold{fold} seed{seed}", load_extra(model.extra, fold, seed)


def _look(folder: str, names: Sequence[str], known: Looks | None, changed: list[str]) -> Looks:
    """Look at photos; the paths of those that are not as they were are added to ``changed``."""
    rows = {} if known is None else {name: row for row, name in enumerate(known.file)}
    with ThreadPoolExecutor(THREADS) as pool:
        blocks = [names[start : start + 1000] for start in range(0, len(names), 1000)]
        seen = [one for block in pool.map(lambda block: _look_at(folder, block, known, rows), blocks) for one in block]
    for name, (_, _, digest) in zip(names, seen, strict=True):
        if known is not None and name in rows and digest != known.digest[rows[name]]:
            changed.append(str(Path(folder) / name))
    sizes, times, digests = zip(*seen, strict=True) if seen else ((), (), ())
    return Looks(folder, list(names), list(sizes), list(times), list(digests))


def _look_at(
    folder: str, names: Sequence[str], known: Looks | None, rows: Mapping[str, int]
) -> list[tuple[int, int, str]]:
    """Size, time and hash of some photos; the hash of one that is gone is empty."""
    seen = []
    for name in names:
        path, row = Path(folder) / name, rows.get(name)
        try:
            now = path.stat()
            if known is not None and row is not None and _is_as_it_was(now, known, row):
                digest = known.digest[row]
            else:
                digest = _digest(path, now.st_size)
            seen.append((now.st_size, now.st_mtime_ns, digest))
        except OSError:
            seen.append((0, 0, ""))
    return seen


def _is_as_it_was(now: os.stat_result, known: Looks, row: int) -> bool:
    return (now.st_size, now.st_mtime_ns) == (known.size[row], known.mtime_ns[row])


def _digest(path: Path, size: int) -> str:
    with path.open("rb") as file:
        digest = hashlib.sha256(str(size).encode())
        digest.update(file.read(END))
        file.seek(max(size - END, END))
        digest.update(file.read())
    return digest.hexdigest()[:32]


def _refuse(changed: Sequence[str]) -> None:
    if changed:
        raise DataError(
            f"photos must stay as they are while an experiment goes on, but since it began {len(changed)} changed, "
            f"first {changed[0]}. Bring the old ones back, give the experiment another name, or begin anew with "
            "--overwrite."
        )
