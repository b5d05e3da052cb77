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
    resume: Annotated[bool, typer.Option(help="Skip what is done, go on with what was stopped or killed.")] = False,
    overwrite: Annotated[bool, typer.Option(help="Delete what a former run left, and begin anew.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything and print the plan.")] = False,
    json: JsonOption = False,
) -> None:
    """Train every model on every fold, predict out of fold and on test, evaluate, fuse."""
    from bunri import experiment as experiments

    if dry_run:
        plan = [planned.to_dict() for planned in experiments.dry_run(experiment, overrides or [])]
        print_json({"runs": plan}) if json else print_text("\n".join(f"{r['action']} {r['folder']}" for r in plan))
        return
    experiments.run(experiment, overrides or [], resume, overwrite)


COMMANDS: tuple[Callable[..., None], ...] = (run,)
"""Functions whose names are the verbs."""
