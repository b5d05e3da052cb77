"""Writers of the user's own: a class with ``write`` and ``close`` in a module beside the experiment file."""

from collections.abc import Callable
from typing import Any

from pydantic import model_validator

from bunri.errors import ConfigError
from bunri.events import Writer
from bunri.settings import Settings
from bunri.user_code import check_call, load
from bunri.writers.base import RecordedRun


class CustomWriterSettings(Settings):
    """One class and what it is given beside the run; a text in place of the mapping is the class alone."""

    name: str
    """``module:Class`` or dotted path of a class that is called with the ``RecordedRun``."""
    arguments: dict[str, Any] = {}
    """Further arguments of the class. They are written to files: keys belong in the environment."""

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, values: Any) -> Any:
        return {"name": values} if isinstance(values, str) else values


def custom_class(settings: CustomWriterSettings) -> Callable[..., Writer]:
    """The class, once its methods and arguments are found to be right.

    Raises:
        ConfigError: There is no such class, it has no ``write`` and ``close``, or does not take the arguments.
    """
    place = "writers.custom"
    kind: Callable[..., Writer] = load(settings.name, place)
    missing = [method for method in ("write", "close") if not callable(getattr(kind, method, None))]
    if missing:
        raise ConfigError(f"{place}: {settings.name} must be a class with write and close, but has no {missing[0]}")
    check_call(kind, settings.arguments, f"{place}: {settings.name}", given=["run"])
    return kind


def open_custom(settings: CustomWriterSettings, run: RecordedRun) -> Writer:
    """The user's writer of a run."""
    return custom_class(settings)(run, **settings.arguments)
