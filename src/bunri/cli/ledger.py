"""Verbs on what has been tried: ledger, diff."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bunri.cli.output import print_json, print_text, say, table
from bunri.errors import UsageError

if TYPE_CHECKING:
    from bunri.ledger import Entry
    from bunri.ledger.insight import Agreement, Insight

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
HEADER = ("entry", "mAP50 out of fold", "on test", "leaderboard", "minutes", "members")


def ledger(
    action: Annotated[Literal["show", "set"], typer.Argument(help="show, or set ENTRY SCORE.")] = "show",
    entry: Annotated[str | None, typer.Argument(help="experiment/model, as `bunri ledger` names it.")] = None,
    score: Annotated[float | None, typer.Argument(help="What the leaderboard said, 0 to 1.")] = None,
    runs: Annotated[Path, typer.Option(help="Root of the run folders.")] = Path("runs"),
    file: Annotated[Path | None, typer.Option(help="The ledger; RUNS/ledger.sqlite by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Keep and show every model and ensemble of a project: scores, leaderboard, cost, and what they say together."""
    from bunri.ledger import Ledger, insight, scan

    book = Ledger(file or runs / "ledger.sqlite")
    found = scan(runs)
    if not found and not book.entries():
        raise UsageError(f"{runs} must have experiments that came to a leaderboard, but has none. Give --runs FOLDER.")
    book.put(found)
    if action == "set":
        if entry is None or score is None:
            raise UsageError("`bunri ledger set` needs an entry and its score: bunri ledger set trash/ensemble 0.698")
        book.set_leaderboard(entry, score)
        say(f"{entry}: leaderboard {score:.4f}")
    entries = book.entries()
    values = {"entries": [one.to_dict() for one in entries], "insight": insight(entries).to_dict()}
    print_json(values) if as_json else print_text(ledger_text(entries, insight(entries)))


def ledger_text(entries: "list[Entry]", seen: "Insight") -> str:
    """The table of entries, and what they say together."""
    rows = [
        (
            one.name + (" (stopped early)" if one.facts.get("stopped_early") else ""),
            _score(one.out_of_fold) + (f" [{one.low:.4f}, {one.high:.4f}]" if one.low and one.high else ""),
            _score(one.test),
            _score(one.leaderboard),
            "-" if one.minutes is None else f"{one.minutes:.1f}",
            len(one.members) or "-",
        )
        for one in entries
    ]
    lines = [f"best out of fold: {seen.best}", f"most mAP50 for its time: {', '.join(seen.best_value[:3]) or '-'}"]
    lines += [_agreement("leaderboard", seen.leaderboard), _agreement("test", seen.test)]
    return "\n".join([table(HEADER, rows), "", *lines])


def _agreement(what: str, found: "Agreement") -> str:
    if found.optimism is None or found.mean_difference is None:
        return f"validation against {what}: no entry has both scores"
    words = f"validation against {what}: {found.pairs} with both, "
    if found.correlation is not None and found.low is not None and found.high is not None:
        words += f"rank correlation {found.correlation:.2f} [{found.low:.2f}, {found.high:.2f}], "
    return words + f"validation minus {what} {found.optimism:+.4f} of the best, {found.mean_difference:+.4f} of all"


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def diff(
    a: Annotated[Path, typer.Argument(help="Folder of a run, such as runs/trash/fcos/fold0.")],
    b: Annotated[Path, typer.Argument(help="Folder of another run.")],
    as_json: AsJson = False,
) -> None:
    """Say what differs between two runs: config, recipe, data, versions, scores."""
    from bunri.ledger import differences

    found = differences(a, b)
    if as_json:
        print_json(found.to_dict())
        return
    rows = [(place, *(_short(value) for value in pair)) for place, pair in found.values.items()]
    blocks = [table(("", "A", "B"), rows) if rows else "the records are the same"]
    blocks += [found.config.rstrip()] if found.config else ["the configs are the same"]
    print_text("\n\n".join(blocks))


def _short(value: object) -> str:
    text = "-" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


COMMANDS: tuple[Callable[..., None], ...] = (ledger, diff)
"""Functions whose names are the verbs."""
