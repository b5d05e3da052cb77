"""Readers of native configs, each for the environment of its framework; no source is trusted, so none may run code."""

from collections.abc import Callable, Mapping
from pathlib import Path

from bunri.engines.base import engine_by_name, refuse_code
from fuzz_reader import Reader

NATIVE = Path(__file__).parent / "native"
FILES = {
    "ultralytics": "ultralytics.yaml",
    "detectron2": "detectron2.yaml",
    "effdet": "effdet.yaml",
    "mmdetection": "mmdetection.py",
}


def resolves(name: str) -> Callable[[Path], object]:
    """Reads a config as an engine's worker does before anything trains."""

    def read(path: Path) -> object:
        engine = engine_by_name(name)
        refuse_code(engine, path, trust=False)
        return engine.resolve(path, {})

    return read


def _reader(name: str) -> Reader:
    file = FILES[name]
    return Reader(file, resolves(name), lambda: [(NATIVE / file).read_bytes()], {}, is_slow=True)


READERS: Mapping[str, Reader] = {name: _reader(name) for name in FILES}
"""Name of an engine and how its configs are read."""
