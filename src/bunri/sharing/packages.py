"""Packages of other tools, loaded when they are needed."""

from importlib import import_module
from typing import Any

from bunri.errors import MissingPackageError


def package(name: str) -> Any:
    """A package that bunri does not need itself.

    Raises:
        MissingPackageError: It is not installed; the message has the line that installs it.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingPackageError(f"{name} must be installed for this, but: {error}. `pip install {name}`") from error
