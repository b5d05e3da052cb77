"""The verb on claims: test."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from bunri.cli.output import print_json, print_text, say, table


def test_(
    hypotheses: Annotated[Path, typer.Argument(help="The file of claims, see docs/hypotheses.md.")],
    out: Annotated[Path | None, typer.Option(help="Write everything here (JSON).")] = None,
    figure: Annotated[Path | None, typer.Option(help="Write a forest plot here (SVG).")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything and print what would be trained.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Judge claims: supported, refuted or undecided, with intervals, corrected p-values and power."""
    from bunri.cli.exposures import say_exposures
    from bunri.hypotheses import judge, plan

    if dry_run:
        runs = [planned.to_dict() for planned in plan(hypotheses)]
        lines = [f"{one['action']:9} {one['folder']}" for one in runs] or ["nothing is to be trained"]
        print_json({"runs": runs}) if as_json else print_text("\n".join(lines))
        return
    verdicts = judge(hypotheses, say_exposures)
    values = verdicts.to_dict()
    _write(values, out, figure)
    print_json(values) if as_json else print_text(verdicts_text(values))


def _write(values: dict[str, Any], out: Path | None, figure: Path | None) -> None:
    from bunri.files import write_json, write_text
    from bunri.hypotheses.forest import forest

    if out is not None:
        write_json(out, values)
        say(f"all of it: {out}")
    if figure is not None:
        write_text(figure, forest(values))
        say(f"forest plot: {figure}")


def verdicts_text(values: dict[str, Any]) -> str:
    """A table, then what is to be known of each claim."""
    header = ("claim", "verdict", "effect", "interval", "smallest", "p", "power")
    rows = [_row(one) for one in values["hypotheses"]]
    blocks = ["\n".join([f"{one['id']}: {one['claim']}", *_details(one)]) for one in values["hypotheses"]]
    many = len(rows) > 1
    told = (
        f"Intervals at {1 - values['error_rate']:.0%}"
        + (f" and p-values corrected over {len(rows)} claims" if many else "")
        + "; p of support, power at the smallest effect."
    )
    return "\n\n".join([table(header, rows), told, *blocks])


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    interval = f"[{_signed(one['low'], '-inf')}, {_signed(one['high'], 'inf')}]"
    power = "-" if one["power"] is None else f"{one['power']:.0%}"
    p_value = f"{one['p_support_corrected']:.2g}"
    smallest = f"{one['smallest_effect']:g}"
    return one["id"], one["verdict"], _signed(one["value"], "-"), interval, smallest, p_value, power


def _signed(value: float | None, absent: str) -> str:
    return absent if value is None else f"{value:+.4f}"


def _details(one: dict[str, Any]) -> Iterator[str]:
    scores = ", ".join(f"{name} {arm['score']:.4f}" for name, arm in one["arms"].items())
    classes = "" if one["classes"] is None else f" of {', '.join(one['classes'])}"
    yield f"  {one['effect']}, {one['metric']}{classes} on {one['images']} images: {scores}"
    seeds = one["errors"]["seeds"]
    if seeds is not None:
        yield f"  standard error {one['errors']['images']:.4f} over images, {seeds:.4f} over seeds"
    decide = _decide(one["needed"])
    if decide:
        yield f"  would be decided by about {decide}"
    yield from (f"  {note}" for note in one["notes"])


def _decide(needed: dict[str, Any]) -> str:
    parts = [f"{needed[what]} {what}" for what in ("images", "seeds") if needed[what] is not None]
    both = needed["images_and_seeds"]
    if not parts and both is not None:
        parts = [f"{both[0]} images and {both[1]} seeds together"]
    return " or ".join(parts)


COMMANDS: tuple[Callable[..., None], ...] = (test_,)
"""Functions whose names are the verbs."""
