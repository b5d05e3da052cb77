"""Verbs by which trained models look at photos: predict, serve."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from bunri.cli.output import print_json, print_text, say
from bunri.errors import UsageError

ModelPath = Annotated[
    Path,
    typer.Argument(
        help="Folder of a run, a model or an experiment (its ensemble), the recipe of an ensemble, or an export."
    ),
]
Members = Annotated[
    list[str] | None, typer.Option("--member", help="NAME=FOLDER: the runs of a member of the recipe; repeat it.")
]
Folds = Annotated[list[int] | None, typer.Option("--fold", help="Only trainings on this fold; repeat it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def predict(
    run: ModelPath,
    photos: Annotated[list[str], typer.Argument(help="Photos, folders, patterns, videos, or one COCO JSON.")],
    out: Annotated[Path | None, typer.Option(help="Predictions: .parquet, .csv (submission) or .json (COCO).")] = None,
    images: Annotated[Path | None, typer.Option(help="Image folder of the COCO JSON; by default its own.")] = None,
    draw: Annotated[Path | None, typer.Option(help="Write the photos with their boxes to this folder.")] = None,
    min_score: Annotated[float, typer.Option(min=0, max=1, help="Boxes drawn have at least this score.")] = 0.3,
    every: Annotated[int, typer.Option(min=1, help="Of a video, every N-th frame.")] = 1,
    skip_broken: Annotated[bool, typer.Option("--skip-broken", help="Leave broken photos out, by name.")] = False,
    member: Members = None,
    fold: Folds = None,
    as_json: AsJson = False,
) -> None:
    """Find objects on photos and videos with a trained run, model or ensemble."""
    from bunri.inference import photos_of, predict, trained_model, write_numbers
    from bunri.inference.drawing import draw_predictions
    from bunri.io import check_predictions_file, write_predictions

    if out is None and draw is None:
        raise UsageError("predictions must go somewhere: give --out FILE, --draw FOLDER or both")
    if out is not None:
        check_predictions_file(out)
    model = trained_model(run, _folders(member), fold)
    seen = photos_of(photos, model.classes(), images, every, say if skip_broken else None)
    found = predict(model, seen)
    if out is not None:
        write_predictions(found, out, seen.dataset)
    numbers = write_numbers(seen, out) if out is not None else None
    drawn = draw_predictions(found, seen, draw, min_score) if draw is not None else []
    facts = {"photos": len(seen), "boxes": len(found), "out": out and str(out), "drawn": len(drawn)}
    facts |= {"images": str(numbers)} if numbers else {}
    where = " and ".join(str(path) for path in (out, numbers, draw) if path is not None)
    print_json(facts) if as_json else print_text(f"{len(found)} boxes on {len(seen)} photos: {where}")


def serve(
    run: ModelPath,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 7860,
    host: Annotated[str, typer.Option(help="Address to listen on; others than loopback let others in.")] = "127.0.0.1",
    allow_host: Annotated[
        list[str] | None, typer.Option(help="A name by which browsers may call the server; repeat it.")
    ] = None,
    corrections: Annotated[
        Path | None, typer.Option(help="Save corrected photos with their boxes to this folder.")
    ] = None,
    rules: Annotated[Path | None, typer.Option(help="YAML: how to sort; by default the rules of Korea.")] = None,
    member: Members = None,
    fold: Folds = None,
) -> None:
    """Serve a page that says what lies on a photo and how to sort it."""
    from bunri.inference import trained_model
    from bunri.serve import ServeSettings, read_rules
    from bunri.serve import serve as serve_model

    settings = ServeSettings(host=host, port=port, allowed_hosts=tuple(allow_host or ()))
    serve_model(trained_model(run, _folders(member), fold), read_rules(rules), settings, corrections, say)


def _folders(named: Sequence[str] | None) -> dict[str, Path]:
    """Folders of members by name.

    Raises:
        UsageError: One is not ``NAME=FOLDER``.
    """
    pairs = [text.partition("=") for text in named or ()]
    for name, _, folder in pairs:
        if not (name and folder):
            raise UsageError(f"--member must be NAME=FOLDER, but got {name!r}")
    return {name: Path(folder) for name, _, folder in pairs}


COMMANDS: tuple[Callable[..., None], ...] = (predict, serve)
"""Functions whose names are the verbs."""
