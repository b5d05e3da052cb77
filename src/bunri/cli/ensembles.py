"""Verbs on predictions: eval, fuse, search, compare."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bunri.cli.member_files import (
    duration,
    image_labels,
    member_blocks,
    member_paths,
    members_to_search,
    read_truth,
    resumable,
    say_sorting,
    wordy,
)
from bunri.cli.output import print_json, print_text, say
from bunri.errors import UsageError

if TYPE_CHECKING:
    from bunri.cli.member_files import MemberPaths
    from bunri.predictions import Predictions
    from bunri.search.families import Progress
    from bunri.search.recipe import EnsembleRecipe

PredictionFiles = Annotated[list[Path], typer.Argument(help="Predictions of one member each.")]
PredictionsFile = Annotated[Path, typer.Argument(help="Predictions: .parquet, .csv (submission) or .json (COCO).")]
TruthFile = Annotated[Path, typer.Option("--truth", help="COCO JSON with the annotations.")]
Members = Annotated[
    list[str] | None, typer.Option("--member", help="NAME=FILE or, of folds or views, NAME=FILE,FILE; else the stem.")
]
Resamples = Annotated[int, typer.Option(min=1, help="Bootstrap resamples of the images.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same result.")]
Folds = Annotated[int, typer.Option(min=2, help="Number of folds.")]
Threads = Annotated[int, typer.Option(min=1, help="Candidates scored side by side.")]
Time = Annotated[str | None, typer.Option("--time", help="Budget, such as 60s or 5m; then the best so far must do.")]
Groups = Annotated[
    str | None,
    typer.Option(help="Images that belong together: a field of the images, session (shots in a row) or none."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def eval_(
    predictions: PredictionsFile,
    truth: TruthFile,
    min_score: Annotated[float, typer.Option(min=0, max=1, help="Boxes below it do not count.")] = 0.0,
    resamples: Annotated[int | None, typer.Option(min=1, help="Add 95% intervals from so many resamples.")] = None,
    groups: Groups = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Score predictions: mAP50, mAP50_95, every class and size."""
    from bunri.cli.ensemble_words import evaluation_text, evaluation_values
    from bunri.evaluate import evaluate_blocks, evaluate_with_intervals
    from bunri.io import read_predictions
    from bunri.io.blocks import read_blocks

    dataset = read_truth(truth)
    if resamples is None:
        blocks = (member for (member,) in read_blocks([predictions], dataset, on_sorting=say_sorting))
        values = evaluate_blocks(blocks, dataset, min_score).to_dict()
    else:
        member, labels = read_predictions(predictions, dataset), image_labels(dataset, groups or "none")
        values = evaluation_values(evaluate_with_intervals(member, dataset, min_score, resamples, seed, labels))
    print_json(values) if as_json else print_text(evaluation_text(values))


def fuse(
    predictions: PredictionFiles,
    images: Annotated[Path, typer.Option("--images", help="COCO JSON of the images.")],
    out: Annotated[Path, typer.Option(help="Predictions: .parquet, .csv (submission) or .json (COCO).")],
    method: Annotated[str | None, typer.Option(help="wbf (default), nms, soft_nms or nmw.")] = None,
    iou: Annotated[float | None, typer.Option(help="Boxes overlap above it; 0.55 by default.")] = None,
    weights: Annotated[str | None, typer.Option(help="One for each member: 2,1,0.5.")] = None,
    min_score: Annotated[float | None, typer.Option(min=0, max=1, help="Boxes below it are left out first.")] = None,
    conf_type: Annotated[str | None, typer.Option(help="wbf: avg (default), max, box_and_model_avg, ...")] = None,
    decay: Annotated[str | None, typer.Option(help="soft_nms: gaussian (default) or linear.")] = None,
    sigma: Annotated[float | None, typer.Option(help="soft_nms: width of the Gaussian decay.")] = None,
    soft_min_score: Annotated[float | None, typer.Option(help="soft_nms: floor of the decayed score.")] = None,
    max_boxes: Annotated[int | None, typer.Option(min=1, help="Most boxes of an image in the result.")] = None,
    recipe: Annotated[Path | None, typer.Option(help="Apply what `bunri search` found.")] = None,
    member: Members = None,
    allow_missing: Annotated[bool, typer.Option("--allow-missing", help="Do without members of the recipe.")] = False,
    as_json: AsJson = False,
) -> None:
    """Fuse the predictions of several members into one set, by fixed options or by a recipe."""
    given = {"method": method, "iou": iou, "weights": weights, "min_score": min_score, "conf_type": conf_type}
    given |= {"decay": decay, "sigma": sigma, "soft_min_score": soft_min_score}
    options = {name: value for name, value in given.items() if value is not None}
    paths = member_paths(predictions, member)
    _refuse_unused(options, recipe)
    facts = _fuse_files(paths, images, out, options, max_boxes, recipe, allow_missing)
    print_json(facts) if as_json else print_text(f"{facts['boxes']} boxes on {facts['images']} images: {out}")


_SOFT_NMS_ALONE = ("decay", "sigma", "soft_min_score")


def _refuse_unused(options: dict[str, Any], recipe: Path | None) -> None:
    """An option that would do nothing is a mistake."""
    method = options.get("method", "wbf")
    if recipe is not None and options:
        raise UsageError(f"a recipe has options of its own, but {_as_flags(options)} came too")
    if method != "soft_nms" and (soft := [name for name in _SOFT_NMS_ALONE if name in options]):
        raise UsageError(f"{_as_flags(soft)} must go with --method soft_nms, but the method is {method}")
    if method != "wbf" and "conf_type" in options:
        raise UsageError(f"--conf-type must go with --method wbf, but the method is {method}")


def _as_flags(names: Iterable[str]) -> str:
    return " ".join(f"--{name.replace('_', '-')}" for name in names)


def _fuse_files(
    paths: "MemberPaths",
    images: Path,
    out: Path,
    options: dict[str, Any],
    max_boxes: int | None,
    recipe: Path | None,
    allow_missing: bool,
) -> dict[str, Any]:
    from bunri.io import load_dataset
    from bunri.io.blocks import write_blocks
    from bunri.search import read_recipe

    dataset = load_dataset(images)
    found = None if recipe is None else read_recipe(recipe)
    _say_missing(found, paths)
    fuse_members = _fusion(options, max_boxes, found, allow_missing)
    boxes, seen = write_blocks(map(fuse_members, member_blocks(paths, dataset)), out, dataset)
    return {"boxes": boxes, "images": seen, "members": list(paths), "out": str(out)}


def _fusion(
    options: dict[str, Any], max_boxes: int | None, recipe: "EnsembleRecipe | None", allow_missing: bool
) -> "Callable[[Sequence[Predictions]], Predictions]":
    """What makes one of the members of a block of images."""
    from bunri.fuse import best_of_each_image, fuse
    from bunri.search import apply_recipe

    given = options | {"weights": _numbers(options.get("weights"))}

    def fused(members: "Sequence[Predictions]") -> "Predictions":
        if recipe is None:
            one = fuse(members, **given)
        else:
            one = apply_recipe(recipe, {member.name: member for member in members}, allow_missing)
        return one if max_boxes is None else best_of_each_image(one, max_boxes)

    return fused


def _say_missing(recipe: "EnsembleRecipe | None", paths: "MemberPaths") -> None:
    if recipe is None:
        say("fused by fixed options; `bunri search` finds what held-out data supports")
        return
    say(f"recipe: {recipe}")
    for name in sorted(set(recipe.members) - set(paths)):
        say(f"member {name} of the recipe is not there")
    for name in sorted(set(paths) - set(recipe.members)):
        say(f"{name} is not in the recipe and is left out")


def _numbers(text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"weights must be numbers with commas between, such as 2,1, but got {text!r}") from None


@wordy
def search(
    predictions: PredictionFiles,
    truth: TruthFile,
    out: Annotated[Path | None, typer.Option(help="Write the recipe here (JSON).")] = None,
    out_of_fold: Annotated[Path | None, typer.Option(help="Write the honest predictions here.")] = None,
    families: Annotated[str | None, typer.Option(help="Kinds of recipes, with commas between.")] = None,
    time: Time = None,
    folds: Folds = 5,
    groups: Groups = None,
    seed: Seed = 0,
    resamples: Resamples = 1000,
    threads: Threads = 1,
    state: Annotated[Path | None, typer.Option(help="Scores of a stopped search; beside --out by default.")] = None,
    member: Members = None,
    as_json: AsJson = False,
) -> None:
    """Find the best ensemble that held-out data supports, with its honest score."""
    from bunri.cli.ensemble_words import search_text
    from bunri.experiment.provenance import made_by_files
    from bunri.io.blocks import write_blocks
    from bunri.search import search, write_recipe

    dataset, paths = read_truth(truth), member_paths(predictions, member)
    labels, kinds = image_labels(dataset, groups), recipe_kinds(families)
    kept = state or (None if out is None else out.with_suffix(".state.json"))
    with resumable(kept), members_to_search(paths, dataset) as members:
        found = search(
            members, dataset, folds, seed, labels, kinds, duration(time), threads, resamples, say_progress, kept
        )
        if out_of_fold is not None:
            write_blocks(found.out_of_fold_blocks(), out_of_fold, dataset)
    if out is not None:
        files = [truth, *(file for of_member in paths.values() for file in of_member)]
        write_recipe(found.recipe.with_facts(made_by=made_by_files(files)), out)
    if kept is not None and kept != state:  # only now: what was found is on disk
        kept.unlink(missing_ok=True)
    print_json(found.to_dict()) if as_json else print_text(search_text(found))


def recipe_kinds(text: str | None) -> Sequence[str]:
    """Kinds of recipes as ``--families`` says them."""
    from bunri.search.families import DEFAULT_FAMILIES

    return DEFAULT_FAMILIES if text is None else text.split(",")


def say_progress(step: "Progress") -> None:
    """Tell a better candidate of a search."""
    where = "all images" if step.fold == step.folds else f"without fold {step.fold + 1} of {step.folds}"
    say(
        f"{step.seconds:6.1f} s  {step.candidates:4} candidates  {where}: {step.score:.4f} in sample, "
        f"{step.recipe} ({step.stage})"
    )


def compare(
    a: PredictionsFile,
    b: PredictionsFile,
    truth: TruthFile,
    resamples: Resamples = 1000,
    min_score: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="One floor for both; by default the higher of the two they came with."),
    ] = None,
    groups: Groups = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Say whether A is better than B: paired difference of mAP50 with interval, p-value and verdict."""
    from bunri.cli.ensemble_words import comparison_text
    from bunri.evaluate import compare
    from bunri.io import read_predictions

    dataset = read_truth(truth)
    members = [read_predictions(path, dataset, name) for path, name in zip((a, b), _told_apart(a, b), strict=True)]
    labels = image_labels(dataset, groups or "none")
    found = compare(members[0], members[1], dataset, resamples, seed, min_score, labels)
    print_json(found.to_dict()) if as_json else print_text(comparison_text(found))


def _told_apart(a: Path, b: Path) -> tuple[str, str]:
    """Names of two files: the stems, or as much of the paths before them as tells them apart."""
    for parts in (1, 2, 3):
        names = tuple("/".join(path.with_suffix("").parts[-parts:]) for path in (a, b))
        if names[0] != names[1]:
            return names[0], names[1]
    return str(a), str(b)


COMMANDS: tuple[Callable[..., None], ...] = (eval_, fuse, search, compare)
