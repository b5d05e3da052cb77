"""The verb reproduce."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bunri.cli.output import print_json, print_text, say, table
from bunri.errors import EngineError

if TYPE_CHECKING:
    from bunri.experiment.reproducing import Reproduction


def reproduce(
    run: Annotated[Path, typer.Argument(help="Folder of one finished run.")],
    out: Annotated[Path, typer.Option(help="New folder of the reproduction.")],
    tolerance: Annotated[float, typer.Option(min=0, max=1, help="How far mAP50 may be off; 0: bit-equal boxes.")] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Train a run again from its folder, and compare the predictions; exit code 1 where they differ."""
    from bunri.experiment.reproducing import reproduce
    from bunri.ledger import differences

    done = reproduce(run, out)
    versions = {name: values for name, values in differences(run, out).values.items() if name != "best"}
    changes = {name: list(values) for name, values in versions.items()}
    print_json(done.to_dict() | {"differences": changes}) if as_json else print_text(reproduction_text(done))
    for name, (before, now) in versions.items():
        say(f"{name}: was {before}, is {now}")
    if not done.within(tolerance):
        raise EngineError(
            f"{run} must come out again {f'within {tolerance} mAP50' if tolerance else 'bit by bit'}, but does not. "
            f"`bunri diff {run} {out}` shows what changed; --tolerance allows a difference."
        )


def reproduction_text(done: "Reproduction") -> str:
    """A row for each set of images."""
    rows = [
        (
            name,
            "identical" if twice.identical else "differs",
            f"{twice.boxes[0]} / {twice.boxes[1]}",
            "-" if twice.mAP50 is None else f"{twice.mAP50[0]:.4f} / {twice.mAP50[1]:.4f}",
        )
        for name, twice in done.predictions.items()
    ]
    return table(("images", "predictions", "boxes", "mAP50"), rows)


COMMANDS: tuple[Callable[..., None], ...] = (reproduce,)
"""Functions whose names are the verbs."""
