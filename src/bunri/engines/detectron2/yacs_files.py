"""A yacs config's chain of files, each checked against Detectron2's own tree of keys."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bunri.engines.detectron2.arithmetic import value_of
from bunri.engines.detectron2.zoo import zoo_file
from bunri.errors import ConfigError
from bunri.files import read_bytes
from bunri.settings import nearest

BASE = "_BASE_"


@dataclass(frozen=True)
class YacsFile:
    """One file of a config's chain.

    Attributes:
        path: Where it lies.
        values: What it says itself, without its bases.
    """

    path: Path
    values: Mapping[str, Any]


def read_chain(path: Path, below: Sequence[Path] = ()) -> list[YacsFile]:
    """A config and what it is based on, bases first, as they are to be merged.

    Raises:
        ConfigError: A file is absent, not YAML, no mapping, or based on itself.
    """
    if path in below:
        raise ConfigError(f"{path}: {BASE} must not lead back to the file itself")
    values = _read(path)
    bases = values.pop(BASE, [])
    chain = [
        file
        for base in (bases if isinstance(bases, list) else [bases])
        for file in read_chain(_base_of(path, str(base)), (*below, path))
    ]
    return [*chain, YacsFile(path, values)]


def _base_of(path: Path, base: str) -> Path:
    with suppress(OSError, ValueError, RuntimeError):  # a name that can be none of a file, or the home of nobody
        beside = (path.parent / Path(base).expanduser()).resolve()
        if beside.is_file():
            return beside
    found = zoo_file(base) if "\0" not in base else None
    if found is None:
        raise ConfigError(
            f"{path}: {BASE}: {base!r} must be a file beside this one or a name of Detectron2's model zoo, "
            "such as COCO-Detection/faster_rcnn_R_50_FPN_1x.yaml. Check the path."
        )
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        values = yaml.load(read_bytes(path, "the model config"), _Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"the model config {path} must be YAML, but: {error}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"the model config {path} must be a mapping of keys, but it is {type(values).__name__}")
    return values


class _Loader(yaml.SafeLoader):
    """The safe loader with what configs of the zoo need: tuples, and ``eval`` of arithmetic."""


def _evaluated(loader: _Loader, node: yaml.SequenceNode) -> Any:
    written = loader.construct_sequence(node)
    try:
        return value_of(", ".join(map(str, written)))
    except ValueError as error:
        raise yaml.constructor.ConstructorError(
            None, None, f"eval of more than arithmetic: {written}: {error}", node.start_mark
        ) from error


def _as_tuple(loader: _Loader, node: yaml.SequenceNode) -> tuple[Any, ...]:
    return tuple(loader.construct_sequence(node, deep=True))


_Loader.add_constructor("tag:yaml.org,2002:python/object/apply:eval", _evaluated)
_Loader.add_constructor("tag:yaml.org,2002:python/tuple", _as_tuple)


def unknown_keys(values: Mapping[str, Any], tree: Any, place: str = "") -> Iterator[str]:
    """One sentence for each key that a tree of known keys does not have, however deep."""
    for key, value in values.items():
        if key not in tree:
            yield f"{place}{key}: unknown key{nearest(str(key), list(tree))}"
        elif isinstance(tree[key], Mapping) and not tree[key].is_new_allowed():
            yield from _inside(value, tree[key], f"{place}{key}")


def _inside(value: Any, tree: Any, place: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from unknown_keys(value, tree, f"{place}.")
    else:
        yield f"{place}: must be a mapping of keys, but it is {value!r}{nearest('', list(tree))}"
