"""Code of the user's own, named in a settings file: looked up by path, and asked whether it takes its arguments."""

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bunri.errors import ConfigError
from bunri.settings import nearest


def is_path(name: str) -> bool:
    """Whether a name is a path into a module: ``package.module.Name`` or ``module:Name``."""
    return "." in name or ":" in name


def load(path: str, place: str) -> Any:
    """The class or function at a path, ``package.module.Name`` or ``module:Name``.

    Args:
        path: Where it is.
        place: The key of the settings that names it, for the error.

    Raises:
        ConfigError: There is no such module or name, or the module fails while it is loaded.
    """
    module, _, name = path.rpartition(":" if ":" in path else ".")
    try:
        loaded = importlib.import_module(module)
    except Exception as error:  # a module of the user's may fail in any way
        raise ConfigError(
            f"{place}: {path!r} cannot be loaded: {type(error).__name__}: {error}. "
            "Put its module beside the experiment file or where the command is given, or install what is missing."
        ) from error
    if not hasattr(loaded, name):
        raise ConfigError(f"{place}: module {module!r} has no {name!r}{nearest(name, _public_names(loaded))}")
    return getattr(loaded, name)


def _public_names(module: Any) -> list[str]:
    return [name for name in vars(module) if not name.startswith("_")]


def check_call(
    function: Callable[..., Any], arguments: Mapping[str, Any], place: str, given: Sequence[str] = ()
) -> None:
    """Look whether a function or class takes what it will be given, without calling it.

    Args:
        function: What will be called.
        arguments: Its keyword arguments, as the settings have them.
        place: The key of the settings that names it, for the error.
        given: Names of what it gets by position before them.

    Raises:
        ConfigError: It takes no such argument, or needs one that is not given.
    """
    try:
        inspect.signature(function).bind(*given, **arguments)
    except TypeError as error:
        wanted = ", ".join([*given, *(f"{name}=..." for name in arguments)])
        raise ConfigError(f"{place}: it is called with ({wanted}), but takes no such call: {error}") from error


@contextmanager
def found_in(folders: Sequence[Path]) -> Iterator[None]:
    """While the block runs, modules are looked for in these folders, too, after all other places."""
    added = [str(folder) for folder in folders if str(folder) not in sys.path]
    sys.path.extend(added)
    try:
        yield
    finally:
        for folder in added:
            sys.path.remove(folder)
