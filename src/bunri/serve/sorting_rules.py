"""How trash is sorted in one country: bins, and for each class of a model the bin, the steps and the exceptions."""

from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Annotated

from pydantic import Field

from bunri.settings import Settings, all_mistakes, nearest, read_yaml

KOREA = "korea.yaml"
"""The rules that come with the package."""

Colour = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]


class Words(Settings):
    """A sentence in the languages of the page."""

    en: Annotated[str, Field(min_length=1)]
    """English."""
    ko: Annotated[str, Field(min_length=1)]
    """Korean."""


class Bin(Settings):
    """Where something goes."""

    name: Words
    """As it stands on the bin."""
    colour: Colour
    """Of its cards on the page; a hint, no standard."""


class Elsewhere(Settings):
    """What looks like it belongs there and does not."""

    what: Words
    """The things."""
    bin: str
    """Where they go instead."""


class ClassRule(Settings):
    """How one class of objects is sorted."""

    names: Annotated[tuple[str, ...], Field(min_length=1)]
    """Names the class may have in a data set; case, spaces, ``-`` and ``_`` do not matter."""
    bin: str
    """Key of its bin."""
    name: Words
    """As people say it."""
    steps: Annotated[tuple[Words, ...], Field(min_length=1)]
    """What to do, in order."""
    elsewhere: tuple[Elsewhere, ...] = ()
    """What belongs elsewhere."""


class Source(Settings):
    """Where the rules come from."""

    title: Words
    """Of the guideline."""
    publisher: Words
    """Who issued it."""
    date: Words
    """When."""
    note: Words
    """What a reader should know beside it."""


class SortingRules(Settings):
    """The rules of a country."""

    country: Words
    """Its name."""
    source: Source
    """Where the rules come from."""
    bins: Annotated[dict[str, Bin], Field(min_length=1)]
    """By key."""
    classes: Annotated[tuple[ClassRule, ...], Field(min_length=1)]
    """By class of objects."""

    def rule_of(self, class_name: str) -> ClassRule | None:
        """The rule of a model's class; None where the rules do not know it."""
        return next((rule for rule in self.classes if plain(class_name) in map(plain, rule.names)), None)


def plain(name: str) -> str:
    """A name of a class without what spelling it differs in."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def read_rules(path: Path | None = None) -> SortingRules:
    """The rules of a file, or those of Korea.

    Raises:
        ConfigError: The file is absent or wrong; the message lists every mistake by dotted path.
    """
    path = path or Path(str(files("bunri.serve") / "rules" / KOREA))
    rules = SortingRules.validated(read_yaml(path, "the rules of sorting"), str(path))
    if mistakes := list(_mistakes_in(rules)):
        raise all_mistakes(str(path), mistakes)
    return rules


def _mistakes_in(rules: SortingRules) -> Iterator[str]:
    """What single fields do not show: bins that are not described, classes with two rules."""
    for place, rule in enumerate(rules.classes):
        for key in dict.fromkeys([rule.bin, *(one.bin for one in rule.elsewhere)]):
            if key not in rules.bins:
                yield f"classes.{place}: the bin {key!r} must be described under bins{nearest(key, list(rules.bins))}"
    names = Counter(name for rule in rules.classes for name in {plain(name) for name in rule.names})
    yield from (f"classes: {name!r} must have one rule, but has {count}" for name, count in names.items() if count > 1)
