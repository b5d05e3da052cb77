"""Names of an export's files, and their hashes."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from bunri.engines.exported.detectors import NetworkName
from bunri.engines.exported.files import NAME, SPEC_SUFFIX, read_spec
from bunri.engines.exported.spec import SUFFIXES, ExportSpec, FileFacts, Format
from bunri.errors import BunriError, UsageError
from bunri.files import replace_atomically, sha256_of, write_text

Facts = TypeVar("Facts", bound=FileFacts)

WEIGHTS_SUFFIX = ".bin"
"""OpenVINO's."""


@dataclass(frozen=True)
class Place:
    """Where an export goes.

    Attributes:
        folder: Of all its files.
        stem: Of their names.
    """

    folder: Path
    stem: str

    @property
    def spec_file(self) -> Path:
        """Written last."""
        return self.folder / f"{self.stem}{SPEC_SUFFIX}"


def place_of(out: Path, runtime: Format) -> Place:
    """The place ``--out`` names: a network's file with the suffix of its format, or a folder.

    Raises:
        UsageError: The suffix is another format's, or the JSON there is no export's.
    """
    suffix = SUFFIXES[runtime]
    if out.suffix in SUFFIXES.values() and out.suffix != suffix and not out.is_dir():
        raise UsageError(f"--out must be a folder or end in {suffix} for {runtime}, but is {out}")
    place = Place(out.parent, out.stem) if out.suffix == suffix and not out.is_dir() else Place(out, NAME)
    if place.spec_file.exists():
        try:
            read_spec(place.spec_file)
        except BunriError as error:
            raise UsageError(f"{place.spec_file} is there and no export's; choose another --out") from error
    return place


def network_file(runtime: Format, name: NetworkName, stem: str = NAME) -> str:
    """File of a network: ``model.onnx``; of the second stage ``model.regions.onnx``."""
    return f"{_stem(name, stem)}{SUFFIXES[runtime]}"


def weights_file(name: NetworkName, stem: str = NAME) -> str:
    """OpenVINO's file of weights."""
    return f"{_stem(name, stem)}{WEIGHTS_SUFFIX}"


def _stem(name: NetworkName, stem: str) -> str:
    return stem if name == "network" else f"{stem}.{name}"


def with_hashes(spec: ExportSpec, folder: Path) -> ExportSpec:
    """The JSON of the files as they are now."""
    networks = {name: _hashed(facts, folder) for name, facts in spec.networks.items()}
    weights = {name: _hashed(facts, folder) for name, facts in spec.weights.items()}
    return spec.model_copy(update={"networks": networks, "weights": weights})


def _hashed(facts: Facts, folder: Path) -> Facts:
    return facts.model_copy(update={"sha256": sha256_of(folder / facts.name)})


def put(spec: ExportSpec, folder: Path, place: Place) -> ExportSpec:
    """Copy the files to their place under its stem, each whole or not at all, the JSON last."""
    networks, weights = dict(spec.networks), dict(spec.weights)
    for name, facts in spec.networks.items():
        networks[name] = facts.model_copy(update={"name": network_file(spec.runtime, name, place.stem)})
        _copy(folder / facts.name, place.folder / networks[name].name)
    for name, file in spec.weights.items():
        weights[name] = file.model_copy(update={"name": weights_file(name, place.stem)})
        _copy(folder / file.name, place.folder / weights[name].name)
    placed = spec.model_copy(update={"networks": networks, "weights": weights})
    write_text(place.spec_file, placed.model_dump_json(indent=1) + "\n")
    return placed


def _copy(source: Path, target: Path) -> None:
    with replace_atomically(target) as temporary:
        shutil.copyfile(source, temporary)
