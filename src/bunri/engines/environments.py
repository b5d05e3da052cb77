"""Where installed engines are: an environment each, or one that several share, and how they are found again.

The home of the engines is ``$BUNRI_ENGINES``, else ``$XDG_DATA_HOME/bunri/engines``, else
``~/.local/share/bunri/engines``. ``<engine>.path`` in it holds the folder of the environment that the engine was
installed into last, wherever that is.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bunri.errors import DataError
from bunri.files import read_bytes, read_json, write_text


@dataclass(frozen=True)
class Environment:
    """An environment made for engines; it creates nothing.

    Attributes:
        folder: Absolute path.
    """

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def marker(self) -> Path:
        """Written last: the engines it was made for, their packages and versions."""
        return self.folder / "bunri-engines.json"

    @property
    def unfinished(self) -> Path:
        """There from the first step of an installation to its last; where it is left, the installation broke off."""
        return self.folder / ".bunri-unfinished"

    @property
    def log(self) -> Path:
        """What pip said."""
        return self.folder / "bunri-install.log"

    @property
    def recorded(self) -> tuple[str, ...]:
        """Engines the marker names, whether or not a later installation broke off; a damaged one vouches for none."""
        try:
            values: Any = read_json(self.marker, "the record of an installation")
            return tuple(values["engines"])
        except (DataError, KeyError, TypeError):
            return ()

    @property
    def engines(self) -> tuple[str, ...]:
        """Engines that are wholly installed."""
        return () if self.unfinished.exists() or not self.python.exists() else self.recorded


def engines_home() -> Path:
    """The folder under which engines are installed by default, and registered in any case."""
    own = os.environ.get("BUNRI_ENGINES")
    if own:
        return Path(own).absolute()
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share").absolute() / "bunri" / "engines"


def register(engine: str, environment: Environment) -> None:
    """Let :func:`environment_of` find an engine in an environment from now on."""
    write_text(_register_file(engine), f"{environment.folder}\n")


def environment_of(engine: str) -> Environment | None:
    """The environment an engine is wholly installed in, None where there is none."""
    place = _register_file(engine)
    if not place.is_file():
        return None
    environment = Environment(Path(read_bytes(place, "the place of an engine").decode().strip()))
    return environment if engine in environment.engines else None


def _register_file(engine: str) -> Path:
    return engines_home() / f"{engine}.path"
