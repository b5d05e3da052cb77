"""Valid files made wrong: bytes, text and structure are broken in the ways files get broken, and in spiteful ones."""

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import yaml

Path_ = tuple[str | int, ...]

ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    0.5,
    1e308,
    -1e308,
    float("nan"),
    float("inf"),
    2**31,
    2**63,
    2**64,
    -(2**63) - 1,
    10**400,
    "",
    " ",
    "NaN",
    "../../etc/passwd",
    "/etc/passwd",
    "a\x00b",
    "\ud800",
    "x" * 70_000,
    "분리",
    [],
    {},
    [[]],
    {"": {}},
    [None] * 5,
    [1, 2, 3],
    [1, 2, 3, 4, 5],
    [5, 5, 1, 1],
    ["1", "2", "3", "4"],
)
"""Values that somebody once put where another was expected."""

ODD_TEXTS: tuple[bytes, ...] = (
    b"",
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"nan",
    b"-inf",
    b"1e999",
    b"99999999999999999999999999",
    b"\r\n",
    b"\n\n",
    b'"',
    b",",
    b"{",
    b"}" * 3,
    b"[" * 5000,
    b"&a [*a]",
    b"!!python/object/apply:os.system [true]",
    b"\t",
    b"\xf0\x9f\x97\x91",
    b" ",
    b"0x10",
    b"1_000",
    b"+-",
)
"""Pieces of text put where they do not belong."""


def mutated(content: bytes, suffix: str, rng: random.Random) -> bytes:
    """One content made wrong in one to three ways, by what kind of file it is."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        content = rng.choice(_mutators(suffix))(content, rng)
    return content


Mutator = Callable[[bytes, random.Random], bytes]


def _mutators(suffix: str) -> tuple[Mutator, ...]:
    if suffix in (".json", ".yaml"):
        return (_structure, _structure, _structure, _cut, _text, _bytes)
    if suffix in (".csv", ".txt", ".jsonl", ".xml"):
        return (_text, _text, _lines, _words, _words, _cut, _bytes)
    return (_bytes, _bytes, _cut, _overwritten, _zeros)


def _cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def _bytes(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.choice((1, 2, 8))):
        if changed:
            changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def _overwritten(content: bytes, rng: random.Random) -> bytes:
    """Numbers of a binary head replaced by the largest ones."""
    place = rng.randrange(max(len(content), 1))
    return (
        content[:place]
        + rng.choice((b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x00\x00\x00\x00"))
        + content[place + 4 :]
    )


def _zeros(content: bytes, rng: random.Random) -> bytes:
    """A hole, as a lost block of a disk leaves it."""
    place = rng.randrange(len(content) + 1)
    return content[:place] + bytes(len(content) - place)


def _text(content: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(content) + 1)
    return content[:place] + rng.choice(ODD_TEXTS) + content[place + rng.choice((0, 0, 1, 4)) :]


def _lines(content: bytes, rng: random.Random) -> bytes:
    lines = content.splitlines(keepends=True) or [b""]
    row = rng.randrange(len(lines))
    kind = rng.randrange(4)
    if kind == 0:
        lines.insert(row, lines[row])
    elif kind == 1:
        del lines[row]
    elif kind == 2:
        rng.shuffle(lines)
    else:
        lines[row] = lines[row].rstrip(b"\r\n")
    return b"".join(lines)


def _words(content: bytes, rng: random.Random) -> bytes:
    words = content.split(b" ")
    words[rng.randrange(len(words))] = rng.choice((*ODD_TEXTS, b"-1", b"1e400", b"0.5", b"7", b"Paper"))
    return b" ".join(words)


def _structure(content: bytes, rng: random.Random) -> bytes:
    """A value, a key or a list changed in a file that stays well formed."""
    try:
        values, as_json = json.loads(content), True
    except (ValueError, RecursionError):
        try:
            values, as_json = yaml.safe_load(content), False
        except (yaml.YAMLError, ValueError, RecursionError):
            return _text(content, rng)
    try:
        changed = _changed(values, rng)
    except RecursionError:
        return content
    if as_json:
        return json.dumps(changed, ensure_ascii=rng.random() < 0.5).encode(errors="surrogatepass")
    return yaml.safe_dump(changed, allow_unicode=True).encode(errors="surrogatepass")


def _changed(values: Any, rng: random.Random) -> Any:
    values = copy.deepcopy(values)
    places = [place for place in _places(values) if place]
    if not places or rng.random() < 0.03:
        return copy.deepcopy(rng.choice(ODD_VALUES))
    *outer, key = rng.choice(places)
    parent = values
    for step in outer:
        parent = parent[step]
    _change_one(parent, key, rng)
    return values


def _change_one(parent: Any, key: Any, rng: random.Random) -> None:
    kind = rng.randrange(8)
    if kind == 0:
        del parent[key]
    elif kind == 1 and isinstance(parent, dict):
        parent[rng.choice(("", "id", "x" * 300, f"{key}s", "분리"))] = parent.pop(key)
    elif kind == 1:
        parent.append(copy.deepcopy(parent[key]))
    else:
        parent[key] = copy.deepcopy(rng.choice(ODD_VALUES))


def _places(values: Any, place: Path_ = ()) -> Iterator[Path_]:
    """Every place in nested lists and mappings."""
    yield place
    if isinstance(values, dict):
        for key, value in values.items():
            yield from _places(value, (*place, key))
    elif isinstance(values, list):
        for row, value in enumerate(values):
            yield from _places(value, (*place, row))
