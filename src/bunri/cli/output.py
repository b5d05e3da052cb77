"""What a command prints: results to stdout, words to stderr."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import typer


def print_json(value: Mapping[str, Any]) -> None:
    """Print one JSON object on stdout; NaN and infinity become null, as JSON has neither."""
    typer.echo(json.dumps(_without_nan(value), ensure_ascii=False, indent=1))


def say(text: str) -> None:
    """Say something to the person on stderr."""
    typer.echo(text, err=True)


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table on stdout, the first column to the left, the others to the right."""
    typer.echo(table(header, rows))


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table as text, one line a row; numbers are given as they are to be read."""
    lines = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(_aligned(line, widths) for line in lines)


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = zip(cells, widths, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]).rstrip()


def _without_nan(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
