"""Verbs on data: doctor, eda, split, pseudo, submit, convert."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bunri.cli.output import print_json, print_text, say, table

if TYPE_CHECKING:
    from bunri.doctor import Report
    from bunri.splits import FoldShares

AnnotationsFile = Annotated[Path, typer.Argument(help="COCO JSON.")]
PredictionsFile = Annotated[Path, typer.Argument(help="Predictions: .parquet, .csv (submission) or .json (COCO).")]
ImageFolder = Annotated[Path | None, typer.Option("--images", help="Image folder; by default that of the JSON.")]
ImagesFile = Annotated[Path, typer.Option("--images", help="COCO JSON of the images.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def doctor(
    annotations: AnnotationsFile,
    images: ImageFolder = None,
    photos: Annotated[bool, typer.Option(help="Read the photos too.")] = True,
    places: Annotated[int, typer.Option(min=1, help="Places named for each fault.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Name every fault of a data set at once; exit 3 if any breaks training."""
    from bunri.doctor import examine

    report = examine(annotations, images, photos, places)
    if as_json:
        print_json(report.to_dict())
    else:
        print_text(_report_text(report))
    if report.breaks_training:
        raise typer.Exit(3)


def _report_text(report: "Report") -> str:
    head = f"{report.path}: {report.images} images, {report.boxes} boxes"
    if not report.findings:
        return f"{head}; no faults"
    blocks = [head]
    for finding in report.findings:
        more = finding.count - len(finding.places)
        lines = [f"  {place}" for place in finding.places] + ([f"  ... and {more} more"] if more else [])
        title = f"[{finding.severity}] {finding.what}: {finding.count} ({finding.advice})"
        blocks.append("\n".join([title, *lines]))
    return "\n\n".join(blocks)


def eda(
    annotations: AnnotationsFile,
    images: ImageFolder = None,
    out: Annotated[Path, typer.Option(help="HTML file to write.")] = Path("eda.html"),
    folds: Annotated[list[Path] | None, typer.Option(help="Folder of `bunri split`, or a COCO JSON a fold.")] = None,
    experiment: Annotated[Path | None, typer.Option(help="Experiment whose augmentation is shown.")] = None,
    model: Annotated[str | None, typer.Option(help="Model of the experiment; by default the first.")] = None,
    size: Annotated[list[str] | None, typer.Option(help="Input to compare: 640, or 800x1333; repeat it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Look at a data set on one page: classes, sizes, positions, light, near-duplicates, folds, augmentation."""
    from bunri.eda import look_at, write_eda

    facts = look_at(annotations, images, folds or (), experiment, model, size or ())
    write_eda(facts, out)
    for reason in dict.fromkeys(facts.missing.values()):
        say(f"left out: {reason}")
    say(f"wrote {out}; open it in a browser")
    if as_json:
        print_json({"page": str(out), **facts.to_dict()})


def split(
    annotations: AnnotationsFile,
    out: Annotated[Path, typer.Option(help="Folder for fold<k>_train.json and fold<k>_val.json.")],
    folds: Annotated[int, typer.Option(help="Number of folds.")] = 5,
    seed: Annotated[int, typer.Option(help="The same seed gives the same folds.")] = 0,
    images: ImageFolder = None,
    group: Annotated[str | None, typer.Option(help="Field of the images whose equal values stay together.")] = None,
    window: Annotated[float | None, typer.Option(help="The field is a time; seconds that keep together.")] = None,
    near_duplicates: Annotated[bool, typer.Option(help="Keep near-duplicate photos together.")] = True,
    as_json: AsJson = False,
) -> None:
    """Write folds: every class evenly spread, images that belong together kept together."""
    from bunri import splits
    from bunri.io import load_dataset

    dataset = load_dataset(annotations, images)
    if near_duplicates and not len(splits.rows_with_photo(dataset)):
        say(f"no photos in {dataset.image_folder}: near-duplicates are not looked for")
    fold = splits.split(dataset, folds, seed, group, window, near_duplicates)
    paths = splits.write_folds(dataset, fold, out)
    shares = splits.fold_shares(dataset, fold)
    if as_json:
        print_json({**shares.to_dict(), "files": [str(path) for path in paths]})
    else:
        print_text(_shares_text(shares))


def _shares_text(shares: "FoldShares") -> str:
    folds = range(len(shares.images))
    rows: list[list[object]] = [["images", *shares.images, int(shares.images.sum()), "", ""]]
    for index, name in enumerate(shares.class_names):
        boxes = shares.boxes[:, index]
        spread = (f"{value[index]:.1%}" for value in (shares.deviation, shares.least_deviation))
        rows.append([name, *boxes, int(boxes.sum()), *spread])
    return table(["boxes", *(f"fold {k}" for k in folds), "all", "deviation", "least possible"], rows)


def pseudo(
    predictions: PredictionsFile,
    images: ImagesFile,
    out: Annotated[Path, typer.Option(help="COCO JSON to write.")],
    min_score: Annotated[float, typer.Option(min=0, max=1, help="Boxes below it are not trusted.")] = 0.5,
    as_json: AsJson = False,
) -> None:
    """Write every confident box as an annotation, with its score and origin."""
    from bunri.io import load_dataset, read_predictions, write_coco
    from bunri.pseudo_labels import pseudo_labels

    dataset = load_dataset(images)
    labels = pseudo_labels(read_predictions(predictions, dataset), dataset, min_score)
    write_coco(labels, out)
    facts = {"images": len(labels), "boxes": len(labels.annotations), "min_score": min_score, "out": str(out)}
    if as_json:
        print_json(facts)
    else:
        print_text(f"{out}: {len(labels.annotations)} boxes on {len(labels)} of {len(dataset)} images")


def submit(
    predictions: PredictionsFile,
    images: ImagesFile,
    out: Annotated[Path, typer.Option(help="Submission to write.")] = Path("submission.csv"),
    min_score: Annotated[float, typer.Option(min=0, max=1, help="Boxes below it are left out.")] = 0.0,
    as_json: AsJson = False,
) -> None:
    """Write a submission with a row for every image, read it back and compare."""
    from bunri.io import load_dataset, read_predictions
    from bunri.io.submission import submit as write_and_compare

    dataset = load_dataset(images)
    boxes = read_predictions(predictions, dataset).above(min_score)
    unseen = len(dataset) - len(boxes.seen_image_id)
    if unseen:
        say(f"warning: {unseen} of {len(dataset)} images were not looked at; their rows are empty")
    write_and_compare(boxes, out, dataset)
    if as_json:
        print_json({"rows": len(dataset), "boxes": len(boxes), "not_looked_at": unseen, "out": str(out)})
    else:
        print_text(f"{out}: {len(boxes)} boxes in {len(dataset)} rows, read back equal")


def convert(
    source: Annotated[Path, typer.Argument(help="Predictions, COCO JSON of a data set, or data.yaml.")],
    target: Annotated[Path, typer.Argument(help="File of another format, or a folder for YOLO files.")],
    images: Annotated[Path | None, typer.Option("--images", help="COCO JSON the predictions are on.")] = None,
    as_json: AsJson = False,
) -> None:
    """Convert predictions (with --images) or a data set (without) between formats."""
    from bunri.io.convert import convert_dataset, convert_predictions

    if images is None:
        convert_dataset(source, target)
    else:
        convert_predictions(source, target, images)
    print_json({"out": str(target)}) if as_json else print_text(str(target))


def shard(
    annotations: AnnotationsFile,
    out: Annotated[Path, typer.Option(help="New folder for the shards.")],
    images: ImageFolder = None,
    megabytes: Annotated[int, typer.Option(min=1, help="A shard is closed when its photos have so many.")] = 256,
    as_json: AsJson = False,
) -> None:
    """Write the photos of a data set to tar shards, from which all verbs and engines read them."""
    from bunri.io import load_dataset
    from bunri.shards import write_shards

    dataset = load_dataset(annotations, images)
    photos = {name: dataset.path_of(row) for row, name in enumerate(dataset.images.file_name)}
    written = write_shards(photos.items(), out, megabytes * 2**20)
    pattern = str(out / "*.tar")
    if as_json:
        print_json({"photos": written.photos, "shards": len(written.shards), "images": pattern})
    else:
        print_text(f"{written.photos} photos in {len(written.shards)} shards; read them with --images '{pattern}'")


COMMANDS: tuple[Callable[..., None], ...] = (doctor, eda, split, pseudo, submit, convert, shard)
