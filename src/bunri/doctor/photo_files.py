"""Faults of the photo files: absent, broken, of another size, rotated, stored twice."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bunri.doctor.findings import Fault
from bunri.doctor.labels import Labels, place_of_image
from bunri.photos import Hash, UnreadablePhoto, exif_orientation, near_duplicate_pairs, perceptual_hash, read_photo
from bunri.shards import is_there, leaves_folder, read_file


@dataclass(frozen=True)
class _Seen:
    """A photo that could be read."""

    path: Path
    place: str
    sha256: str
    hash: Hash


def faults_of_photos(labels: Labels, folder: Path) -> Iterator[Fault]:
    """All faults of the photos of the images whose records are whole; each photo is read once."""
    seen: dict[Path, _Seen] = {}
    for _, image in labels.whole_images():
        if leaves_folder(image["file_name"]):
            continue  # a fault of the labels, found there
        path = folder / image["file_name"]
        if not is_there(path):
            yield "missing_photo", f"{path!s:.200}"
            continue
        try:
            yield from _faults_of_photo(path, image, seen)
        except UnreadablePhoto as error:
            yield "unreadable_photo", f"{path}: {error.reason}"
    yield from _repeated_photos(list(seen.values()))


def _faults_of_photo(path: Path, image: dict[str, Any], seen: dict[Path, _Seen]) -> Iterator[Fault]:
    photo = read_photo(path)
    seen[path] = _Seen(path, place_of_image(image), hashlib.sha256(read_file(path)).hexdigest(), perceptual_hash(photo))
    height, width, _ = photo.shape
    orientation = exif_orientation(path)
    stated = (image["width"], image["height"])
    if stated != (width, height):
        turned = f", EXIF orientation {orientation} applied" if orientation != 1 else ""
        yield "wrong_size", f"{seen[path].place} states {stated[0]} x {stated[1]}, but is {width} x {height}{turned}"
    elif orientation != 1:
        yield "rotated_photo", f"{seen[path].place} orientation {orientation}"


def _repeated_photos(photos: Sequence[_Seen]) -> Iterator[Fault]:
    hashes = np.array([photo.hash for photo in photos], np.uint64).reshape(-1, 4)
    for first, second in near_duplicate_pairs(hashes).tolist():
        a, b = photos[first], photos[second]
        yield "same_photo" if a.sha256 == b.sha256 else "near_duplicate", f"{a.place} and {b.place}"
