"""The verb on what a member is worth: gain."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from bunri.cli.ensembles import (
    AsJson,
    Folds,
    Groups,
    Members,
    PredictionFiles,
    Resamples,
    Seed,
    Threads,
    Time,
    TruthFile,
    recipe_kinds,
    say_progress,
)
from bunri.cli.member_files import (
    duration,
    image_labels,
    member_families,
    member_paths,
    read_members,
    read_truth,
    wordy,
)
from bunri.cli.output import print_json, print_text, say


@wordy
def gain(
    predictions: PredictionFiles,
    add: Annotated[list[Path], typer.Option("--add", help="Members to add, each on its own.")],
    truth: TruthFile,
    family: Annotated[
        list[str] | None,
        typer.Option("--family", help="NAME=member,member; by default the `stages` of the experiment of the files."),
    ] = None,
    value: Annotated[
        str, typer.Option(help="Worth of a set of members, for shares and pairs: wbf, calibrated or searched.")
    ] = "wbf",
    min_score: Annotated[float, typer.Option(min=0, max=1, help="One floor for all members.")] = 0.0,
    families: Annotated[str | None, typer.Option(help="Kinds of recipes searched, with commas between.")] = None,
    time: Time = None,
    folds: Folds = 5,
    groups: Groups = None,
    seed: Seed = 0,
    resamples: Resamples = 1000,
    orders: Annotated[int, typer.Option(min=4, help="Orders drawn for shares of more than eight members.")] = 64,
    threads: Threads = 1,
    member: Members = None,
    as_json: AsJson = False,
) -> None:
    """Measure what adding a member buys: gain with interval, shares, who finds what, what overlap foretells."""
    from bunri.cli.gain_words import report_text
    from bunri.gain import gain

    dataset = read_truth(truth)
    paths = member_paths([*predictions, *add], member)
    members = read_members(paths, dataset)
    found = gain(
        members[: -len(add)],
        members[-len(add) :],
        dataset,
        folds,
        seed,
        image_labels(dataset, groups),
        recipe_kinds(families),
        member_families(family, paths),
        value,
        min_score,
        orders,
        duration(time),
        threads,
        resamples,
        say_progress,
        _say_value,
    )
    print_json(found.to_dict()) if as_json else print_text(report_text(found))


def _say_value(names: tuple[str, ...], value: float) -> None:
    say(f"{value:.4f}  {' + '.join(names)}")


COMMANDS: tuple[Callable[..., None], ...] = (gain,)
"""Functions whose names are the verbs."""
