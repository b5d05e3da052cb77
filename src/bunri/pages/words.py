"""What a page says, in each of its languages: one YAML file of sentences a language, all with the same keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

LANGUAGES = ("en", "ko")
"""The first is that of the page before it is switched."""

Sentences = Mapping[str, str]
"""Sentences by key; ``{name}`` in one stands for a value."""


@dataclass(frozen=True)
class Words:
    """Sentences by language and key."""

    by_language: Mapping[str, Sentences]

    def say(self, key: str, **values: Any) -> str:
        """A sentence in the first language."""
        return self.by_language[LANGUAGES[0]][key].format(**values)

    def __or__(self, other: "Words") -> "Words":
        return Words({name: {**self.by_language[name], **other.by_language[name]} for name in LANGUAGES})


def read_words(package: str) -> Words:
    """The sentences of a room, from ``words/<language>.yaml`` in its package."""
    return Words({name: _sentences(package, name) for name in LANGUAGES})


def _sentences(package: str, language: str) -> Sentences:
    import yaml

    text = (resources.files(package) / "words" / f"{language}.yaml").read_text(encoding="utf-8")
    return {str(key): str(sentence) for key, sentence in yaml.safe_load(text).items()}
