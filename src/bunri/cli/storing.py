"""The verb of stores: fetch."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from bunri.cli.output import print_json, print_text

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def fetch(
    url: Annotated[str, typer.Argument(help="An experiment or a run in a store, such as s3://bucket/runs/trash.")],
    out: Annotated[Path, typer.Option(help="The folder it becomes, such as runs/trash.")],
    as_json: AsJson = False,
) -> None:
    """Copy an experiment or a run from a store to this machine, each file checked by its hash."""
    from bunri import store

    copied = store.fetch(store.Store(url), out)
    if as_json:
        print_json({"folder": str(out), "copied": copied})
        return
    print_text(f"{out}: {len(copied)} files copied from {url}")


COMMANDS: tuple[Callable[..., None], ...] = (fetch,)
"""Functions whose names are the verbs."""
