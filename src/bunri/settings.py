"""Typed settings: unknown keys refused, all mistakes of a file reported at once by dotted path with the nearest key."""

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from bunri.errors import ConfigError
from bunri.files import is_file, read_bytes


class Settings(BaseModel):
    """Base of every settings class: frozen, strict about unknown keys, defaults checked too."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, arbitrary_types_allowed=False)

    @classmethod
    def validated(cls, values: Mapping[str, Any], source: str) -> Self:
        """Settings from plain values; ``source`` names the file in the error.

        Raises:
            ConfigError: With one line for each mistake.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise all_mistakes(source, _lines(error, cls)) from None
        except UnicodeEncodeError as error:
            raise all_mistakes(source, [_no_text(error)]) from None

    @classmethod
    def mistakes_in(cls, values: Mapping[str, Any]) -> list[str]:
        """One line for each mistake in plain values, by dotted path; none where they are right."""
        try:
            cls.model_validate(values)
        except ValidationError as error:
            return _lines(error, cls)
        except UnicodeEncodeError as error:
            return [_no_text(error)]
        return []


def all_mistakes(source: str, mistakes: Sequence[str]) -> ConfigError:
    """The error that lists every mistake of a file."""
    count = f"{len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''}"
    return ConfigError(f"{source} has {count}:\n" + "\n".join(f"  {line}" for line in mistakes), mistakes)


def _no_text(error: UnicodeEncodeError) -> str:
    """Half a surrogate pair, which JSON and YAML can write, is no text."""
    return f"texts must be Unicode, but one has {error.object[error.start : error.end]!r}"


def _lines(error: ValidationError, model: type[BaseModel]) -> list[str]:
    return [_one_line(mistake, model) for mistake in error.errors() if not _follows_from_another(mistake)]


def _follows_from_another(mistake: Any) -> bool:
    """A list found too short only because its wrong entries are left out."""
    return bool(mistake["type"] == "too_short" and len(mistake["input"]) >= mistake["ctx"]["min_length"])


def _one_line(mistake: Any, model: type[BaseModel]) -> str:
    place = ".".join(str(part) for part in mistake["loc"])
    if mistake["type"] == "extra_forbidden":
        return f"{place}: unknown key{nearest(str(mistake['loc'][-1]), known_keys(model, mistake['loc'][:-1]))}"
    if mistake["type"] == "missing":
        return f"{place}: must be given"
    return f"{place}: {mistake['msg'].removeprefix('Value error, ')}, got {mistake['input']!r}"


def nearest(key: str, known: Sequence[str]) -> str:
    """The end of a sentence on an unknown key: the nearest known one, or all of them."""
    found = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    if found:
        return f"; did you mean {found[0]!r}?"
    return f"; known are {', '.join(sorted(known))}" if known else ""


def known_keys(model: type[BaseModel], place: Sequence[str | int]) -> list[str]:
    """Keys allowed at a dotted place of a settings class, found by following its field types."""
    models: list[type[BaseModel]] = [model]
    for part in place:
        followed = [m.model_fields[part].annotation for m in models if isinstance(part, str) and part in m.model_fields]
        models = [inner for annotation in followed for inner in _models_in(annotation)] or models
    return [name for m in models for name in m.model_fields]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [inner for argument in getattr(annotation, "__args__", ()) for inner in _models_in(argument)]


class _Loader(yaml.SafeLoader):
    """The safe loader, with floats as in YAML 1.2: ``1e-4`` is a number, for version 1.1 it is a text."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$"), list("-+.0123456789")
)


def parse_yaml(text: str | bytes) -> Any:
    """The value of a YAML text.

    Raises:
        yaml.YAMLError: It is not YAML.
    """
    return yaml.load(text, _Loader)


def read_yaml(path: Path, what: str) -> dict[str, Any]:
    """Read a YAML file whose top is a mapping, with the safe loader.

    Raises:
        ConfigError: The file is absent or not YAML; the message has the line.
    """
    if not is_file(path):
        raise ConfigError(f"{what} must be a file, but {path} is not there. Check the path.")
    try:
        values = parse_yaml(read_bytes(path, what))
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: a date that is none, a number too long
        raise ConfigError(f"{what} {path} must be YAML, but: {error}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{what} {path} must be a mapping of keys, but it is {type(values).__name__}")
    return values
