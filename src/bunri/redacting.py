"""Keys live in the environment alone: what is written or said is without them, whoever wanted to say it."""

import io
import os
import re
from collections.abc import Mapping
from typing import TextIO

NAMES = re.compile(r"(API|ACCESS|SECRET|PRIVATE|ACCOUNT)_?KEY|_KEY$|SECRET|TOKEN|PASSWORD|PASSWD|CREDENTIAL|DSN$", re.I)
"""Of environment variables that hold what nobody else may know."""

SHORTEST = 8
"""Letters of a key; shorter values stand in ordinary words, too."""

IN_ADDRESS = re.compile(r"(\w://)[^/\s:@]*:[^/\s@]+@")
"""A name and a password before a host."""

INSTEAD = "***"


def secrets_of(variables: Mapping[str, str]) -> tuple[str, ...]:
    """Values of variables that hold keys, the longest first, as one may be part of another."""
    values = {value.strip() for name, value in variables.items() if NAMES.search(name)}
    return tuple(sorted((value for value in values if len(value) >= SHORTEST), key=len, reverse=True))


def without_secrets(text: str, secrets: tuple[str, ...] | None = None) -> str:
    """A text without the keys of the environment, and without passwords in addresses."""
    for secret in secrets_of(os.environ) if secrets is None else secrets:
        text = text.replace(secret, INSTEAD)
    return IN_ADDRESS.sub(rf"\1{INSTEAD}@", text) if "@" in text else text


class RedactedStream(io.TextIOWrapper):
    """A text stream over the bytes of another, without the keys that were in the environment when it was made."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream.buffer, "utf-8", "backslashreplace", line_buffering=True, write_through=True)
        self._secrets = secrets_of(os.environ)

    def write(self, text: str) -> int:
        """Write what may be told of a text."""
        super().write(without_secrets(text, self._secrets))
        return len(text)
