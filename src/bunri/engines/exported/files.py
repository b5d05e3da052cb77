"""The files of an export: found, checked before anything runs them, written whole."""

from pathlib import Path

from bunri.engines.exported.checking import check_network
from bunri.engines.exported.spec import SUFFIXES, ExportSpec, FileFacts
from bunri.errors import DataError
from bunri.files import read_json, sha256_of

SPEC_SUFFIX = ".json"
"""Of the file beside the network."""

NAME = "model"
"""Of the files of an export whose ``--out`` is a folder."""

MAX_SPEC_BYTES = 16 * 2**20
MAX_NETWORK_BYTES = 4 * 2**30


def spec_file_of(path: Path) -> Path | None:
    """The JSON of the export that ``path`` is: its folder, its network or its JSON; None where it is none."""
    if path.is_dir():
        found = path / f"{NAME}{SPEC_SUFFIX}"
        return found if found.is_file() and any(found.with_suffix(end).exists() for end in SUFFIXES.values()) else None
    if path.suffix == SPEC_SUFFIX and any(path.with_suffix(end).exists() for end in SUFFIXES.values()):
        return path
    return path.with_suffix(SPEC_SUFFIX) if path.suffix in SUFFIXES.values() else None


def read_spec(path: Path) -> ExportSpec:
    """The checked JSON of an export.

    Raises:
        DataError: It is absent, too large or no JSON.
        ConfigError: It says what no export says; the message lists every mistake.
    """
    if path.is_file() and path.stat().st_size > MAX_SPEC_BYTES:
        raise DataError(f"the JSON of an export must have at most {MAX_SPEC_BYTES} bytes, but {path} has more")
    values = read_json(path, "the JSON of an export")
    if not isinstance(values, dict) or values.get("kind") != "bunri-export":
        raise DataError(f"{path} must be the JSON of an export (`bunri export` writes it), but is not")
    return ExportSpec.validated(values, str(path))


def check_files(spec: ExportSpec, folder: Path) -> None:
    """Make sure that every file is the one the JSON was written for, and that running it is safe.

    Raises:
        DataError: A file is absent, changed, too large, or does more than compute.
    """
    for facts in (*spec.networks.values(), *spec.weights.values()):
        _check_file(facts, folder)
    for name, network in spec.networks.items():
        weights = spec.weights.get(name)
        check_network(folder / network.name, spec.runtime, folder / weights.name if weights else None)


def _check_file(facts: FileFacts, folder: Path) -> None:
    path = folder / facts.name
    if not path.is_file() or path.is_symlink():
        raise DataError(
            f"{path} must be a file of the export, but is not there. Copy all files of the export together."
        )
    if path.stat().st_size > MAX_NETWORK_BYTES:
        raise DataError(f"a network must have at most {MAX_NETWORK_BYTES} bytes, but {path} has more")
    if sha256_of(path) != facts.sha256:
        raise DataError(
            f"{path} must be the file that was exported, but its content has changed. Export the run again."
        )
