"""Verbs that train and predict: run, predict, engines."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from bunri.cli.output import print_json, print_text

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


def run(
    experiment: Annotated[Path, typer.Argument(help="The experiment file.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="dotted.key=value ...")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Skip what is done, go on with the rest.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Delete what a former run left.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything and print the plan.")] = False,
    json: JsonOption = False,
) -> None:
    """Train every model on every fold, predict out of fold and on test, evaluate, fuse."""
    from bunri import experiment as experiments
    from bunri.cli.leaderboard import print_leaderboard

    if dry_run:
        plan = [planned.to_dict() for planned in experiments.dry_run(experiment, overrides or [], resume, overwrite)]
        print_json({"runs": plan}) if json else print_text("\n".join(f"{r['action']:9} {r['folder']}" for r in plan))
        return
    board = experiments.run(experiment, overrides or [], resume, overwrite)
    print_json(board.to_dict()) if json else print_leaderboard(board)


COMMANDS: tuple[Callable[..., None], ...] = (run,)
"""Functions whose names are the verbs."""
