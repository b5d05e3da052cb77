"""Templates of a room made into one page that loads nothing."""

import json
from collections.abc import Mapping
from typing import Any

from bunri.pages.assets import Assets
from bunri.pages.words import Words


def render(template: str, assets: Assets, words: Words, **facts: Any) -> str:
    """The page of a room's template, which extends ``page.html`` of this room.

    In templates ``t(key, **values)`` is a sentence that follows the switch of language, ``named(*keys, before="")`` the
    name of an element for those who do not see it, which follows too, and ``say(key, **values)`` plain text for
    attributes. Numbers have the filters ``points``, ``signed`` and ``count``.
    """
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    def t(key: str, **values: Any) -> Markup:
        given = Markup(' data-values="{}"').format(json.dumps(values, ensure_ascii=False)) if values else ""
        return Markup('<span data-t="{}"{}>{}</span>').format(key, given, words.say(key, **values))

    def named(*keys: str, before: str = "") -> Markup:
        said = ". ".join(part for part in (before, *map(words.say, keys)) if part)
        return Markup('aria-label="{}" data-t-label="{}" data-before="{}"').format(said, " ".join(keys), before)

    environment = Environment(
        loader=ChoiceLoader([PackageLoader(assets.package), PackageLoader("bunri.pages")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"points": points, "signed": signed, "count": count}
    environment.globals |= {"t": t, "named": named, "say": words.say}
    return environment.get_template(template).render(
        style=assets.style(), script=assets.script(), words=_sentences(words), **facts
    )


def _sentences(words: Words) -> Mapping[str, Mapping[str, str]]:
    return {language: dict(sentences) for language, sentences in words.by_language.items()}


def points(value: float | None, digits: int = 3) -> str:
    """A score for people; a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}"


def signed(value: float | None, digits: int = 3) -> str:
    """A difference for people, with its sign."""
    return "–" if value is None else f"{value:+.{digits}f}".replace("-", "−")


def count(value: float | None) -> str:
    """A number of things for people."""
    return "–" if value is None else f"{value:,.0f}"
