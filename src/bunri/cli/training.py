"""Verbs that train and predict: run, predict, engines."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal

import typer

from bunri.cli.output import print_json, print_text, say, table
from bunri.errors import UsageError

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def run(
    experiment: Annotated[Path, typer.Argument(help="The experiment file.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="dotted.key=value ...")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Skip what is done, go on with the rest.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Begin anew where runs are.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything and print the plan.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train every model on every fold, predict out of fold and on test, evaluate, fuse."""
    from bunri import experiment as experiments
    from bunri.cli.exposures import say_exposures
    from bunri.cli.leaderboard import print_leaderboard

    asked = (experiment, overrides or [], resume, overwrite, say_exposures)
    if dry_run:
        plan = [planned.to_dict() for planned in experiments.dry_run(*asked)]
        _print({"runs": plan}, "\n".join(f"{one['action']:9} {one['folder']}" for one in plan), as_json)
        return
    board = experiments.run(*asked)
    print_json(board.to_dict()) if as_json else print_leaderboard(board)


def predict(
    run: Annotated[
        Path, typer.Argument(help="Folder of a run, of a model (all folds) or of an experiment (ensemble).")
    ],
    photos: Annotated[list[str], typer.Argument(help="Photos, folders, patterns, or one COCO JSON.")],
    out: Annotated[Path, typer.Option(help="Predictions: .parquet, .csv (submission) or .json (COCO).")],
    images: Annotated[Path | None, typer.Option(help="Image folder of the COCO JSON; by default its own.")] = None,
    draw: Annotated[Path | None, typer.Option(help="Write the photos with their boxes to this folder.")] = None,
    min_score: Annotated[float, typer.Option(min=0, max=1, help="Boxes drawn have at least this score.")] = 0.3,
    as_json: AsJson = False,
) -> None:
    """Find objects on photos with a trained run, model or ensemble."""
    from bunri.experiment.drawing import draw_predictions
    from bunri.experiment.photo_sets import photos_of
    from bunri.experiment.predicting import classes_of_run, predict, runs_below
    from bunri.io import write_predictions

    dataset = photos_of(photos, classes_of_run(runs_below(run)[0]), images)
    found = predict(run, dataset)
    write_predictions(found, out, dataset)
    drawn = draw_predictions(found, dataset, draw, min_score) if draw is not None else []
    facts = {"photos": len(dataset), "boxes": len(found), "out": str(out), "drawn": len(drawn)}
    _print(facts, f"{len(found)} boxes on {len(dataset)} photos: {out}", as_json)


def engines(
    action: Annotated[
        Literal["list", "check"], typer.Argument(help="list, or check NAME by a small training.")
    ] = "list",
    name: Annotated[str | None, typer.Argument(help="Of the engine to check.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say which engines are there, what is missing and the line that installs it; prove that one works."""
    from bunri.engines.catalogue import engine_state, engine_states

    if action == "check":
        if name is None:
            raise UsageError("`bunri engines check` needs the name of an engine; `bunri engines list` has them")
        _check_engine(engine_state(name).name, as_json)
        return
    states = engine_states()
    rows = [(s.name, "ready" if s.ready else "missing", _versions(s.versions), s.interpreter) for s in states]
    _print({"engines": [s.to_dict() for s in states]}, table(("engine", "state", "versions", "python"), rows), as_json)
    for state in states:
        if state.install:
            say(f"install {state.name}: {state.install}")


def _check_engine(name: str, as_json: bool) -> None:
    from dataclasses import asdict

    from bunri.engines.proving import prove

    say(f"{name}: a small training ...")
    proof = prove(name)
    losses = " ".join(f"{loss:.3f}" for loss in proof.losses)
    _print(asdict(proof), f"{name} works: losses {losses}, {proof.boxes} boxes, {proof.seconds} seconds", as_json)


def _versions(versions: Mapping[str, str | None]) -> str:
    return " ".join(f"{package} {version or 'missing'}" for package, version in versions.items())


def _print(facts: dict[str, object], text: str, as_json: bool) -> None:
    print_json(facts) if as_json else print_text(text)


COMMANDS: tuple[Callable[..., None], ...] = (run, predict, engines)
"""Functions whose names are the verbs."""
