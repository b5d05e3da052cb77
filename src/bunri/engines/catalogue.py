"""What each engine needs, what of it is there, and the line that installs it."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bunri.engines.base import ENGINES
from bunri.engines.process import interpreter_of
from bunri.errors import UsageError
from bunri.settings import nearest


@dataclass(frozen=True)
class Requirements:
    """What an engine needs in its environment.

    Attributes:
        packages: Distributions as pip knows them.
        install: Arguments of ``python -m pip install``.
    """

    packages: tuple[str, ...]
    install: str


REQUIREMENTS: Mapping[str, Requirements] = {
    "torchvision": Requirements(("torch", "torchvision", "timm"), "'bunri[torchvision]'"),
}
"""One line for each engine of the table."""

_ASK = """
import json, sys
from importlib import metadata
def version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
print(json.dumps({name: version(name) for name in sys.argv[1:]}))
"""


@dataclass(frozen=True)
class EngineState:
    """Whether an engine can work here.

    Attributes:
        name: In the table of engines.
        interpreter: The Python it would run in.
        versions: Installed version of each package it needs, None where it is missing.
        install: The line that installs what is missing, None where nothing is.
    """

    name: str
    interpreter: str
    versions: Mapping[str, str | None]
    install: str | None

    @property
    def ready(self) -> bool:
        """Whether all it needs is there."""
        return self.install is None

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "ready": self.ready}


def engine_states() -> list[EngineState]:
    """The state of every engine of the table."""
    return [engine_state(name) for name in ENGINES]


def engine_state(name: str) -> EngineState:
    """Ask the interpreter of an engine what is installed; no framework is loaded.

    Raises:
        UsageError: There is no such engine.
    """
    if name not in REQUIREMENTS:
        raise UsageError(f"engine {name!r} is unknown{nearest(name, list(REQUIREMENTS))}")
    needed, interpreter = REQUIREMENTS[name], interpreter_of(name)
    versions = _installed(interpreter, needed.packages)
    complete = all(version is not None for version in versions.values())
    install = None if complete else f"{interpreter} -m pip install {needed.install}"
    return EngineState(name, interpreter, versions, install)


def _installed(interpreter: str, packages: tuple[str, ...]) -> dict[str, str | None]:
    """Installed versions; nothing at all where the interpreter does not run."""
    try:
        asked = subprocess.run([interpreter, "-c", _ASK, *packages], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return dict.fromkeys(packages)
    return dict(json.loads(asked.stdout))
