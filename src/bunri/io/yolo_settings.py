"""``data.yaml`` of YOLO: the names of the classes, and where the photos of each split are."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from bunri.errors import ConfigError, DataError
from bunri.files import is_file, is_folder, read_bytes

SPLITS = ("train", "val", "test")

_PHOTO_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp"})


def read_settings(data_yaml: Path) -> Mapping[str, Any]:
    """The file's mapping, which has ``names``.

    Raises:
        ConfigError: It is not YAML, or not such a mapping.
    """
    try:
        settings = yaml.safe_load(read_bytes(data_yaml, "data.yaml"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{data_yaml} must be YAML, but: {error}") from error
    if not isinstance(settings, dict) or "names" not in settings:
        raise ConfigError(f"{data_yaml} must be a mapping with names and train, val or test, but names is absent")
    for split in SPLITS:
        if not _is_place(settings.get(split)):
            raise ConfigError(
                f"{data_yaml}: {split} must be a folder, a .txt list or a list of them, but got {settings[split]!r}"
            )
    return settings


def _is_place(value: Any) -> bool:
    many = value if isinstance(value, list) else [value or ""]
    return all(isinstance(one, str) and "\0" not in one for one in many)


def class_names_of(data_yaml: Path, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the classes, by their index.

    Raises:
        ConfigError: They are neither a list nor numbered from 0.
    """
    names = settings["names"]
    by_index = dict(enumerate(names)) if isinstance(names, list) else names
    if not isinstance(by_index, dict) or sorted(by_index, key=str) != sorted(range(len(by_index)), key=str):
        raise ConfigError(f"{data_yaml}: names must be a list, or a mapping from 0, 1, ... to names, but got {names}")
    return tuple(str(by_index[index]) for index in range(len(by_index)))


def photos_of(data_yaml: Path, root: Path, places: Any) -> Iterator[Path]:
    """Photos of a split, whose ``places`` are folders or lists of paths in ``.txt`` files.

    Raises:
        DataError: A place is neither.
    """
    for place in [places] if isinstance(places, str) else places or []:
        path = root / str(place)
        if not (is_folder(path) or is_file(path)):
            path = root / str(place).removeprefix("../")  # as Roboflow writes it and Ultralytics reads it
        if is_folder(path):
            yield from sorted(photo for photo in path.rglob("*") if photo.suffix.lower() in _PHOTO_SUFFIXES)
        elif path.suffix == ".txt":
            lines = read_bytes(path, "a list of photos").decode(errors="replace").split("\n")
            yield from (path.parent / line.strip() for line in lines if line.strip())
        else:
            raise DataError(
                f"images of a split must be a folder or a .txt list, but {path} is neither. Correct {data_yaml}."
            )
