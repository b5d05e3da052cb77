"""The verb on mistakes: errors."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bunri.cli.member_files import read_truth
from bunri.cli.output import print_json, print_text, say, table

if TYPE_CHECKING:
    from bunri.diagnosis.diagnosing import Diagnosis, Share

PredictionFiles = Annotated[list[Path], typer.Argument(help="Predictions of one member each, out of fold.")]


def errors(
    predictions: PredictionFiles,
    truth: Annotated[Path, typer.Option("--truth", help="COCO JSON with the annotations.")],
    doubtful: Annotated[int, typer.Option(min=0, help="Doubtful labels named.")] = 20,
    draw: Annotated[Path | None, typer.Option(help="Write a picture of each doubtful label to this folder.")] = None,
    images: Annotated[Path | None, typer.Option(help="Image folder; by default that of the JSON.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say where each member loses its points: kinds of mistakes, confusions, sizes, scores, doubtful labels."""
    from bunri.diagnosis.diagnosing import diagnose
    from bunri.diagnosis.pictures import draw_doubtful
    from bunri.io import load_dataset, read_predictions

    read_truth(truth)  # one that has no boxes is refused in words
    dataset = load_dataset(truth, images)
    found = {path.stem: diagnose(read_predictions(path, dataset), dataset, doubtful) for path in predictions}
    if draw is not None:
        for name, diagnosis in found.items():
            drawn = draw_doubtful(diagnosis.doubtful, dataset, draw / name)
            say(f"{name}: {len(drawn)} pictures of doubtful labels in {draw / name}")
    if as_json:
        print_json({name: diagnosis.to_dict() for name, diagnosis in found.items()})
    else:
        print_text("\n\n".join(f"{name}\n{diagnosis_text(diagnosis)}" for name, diagnosis in found.items()))


def diagnosis_text(found: "Diagnosis") -> str:
    """The tables of one member."""
    lost = [(kind, found.counts[kind], f"{points:.4f}") for kind, points in found.lost.items()]
    shares = [*_shares("size", found.by_size), *_shares("objects on the photo", found.by_crowding)]
    confused = [(f"{true} taken for {said}", count) for true, said, count in found.confusion.worst()]
    worst = sorted(found.reliability_by_class.items(), key=lambda pair: -pair[1].ece)
    blocks = [
        f"mAP50 {found.evaluation.mAP50:.4f}; {found.counts['hit']} boxes right at scores from {found.threshold:.3f}",
        table(("mistake", "boxes", "mAP50 lost"), lost),
        table(("", "", "objects", "found"), shares),
        table(("confusions", "boxes"), confused) if confused else "no class is taken for another",
        f"calibration error {found.reliability.ece:.3f}; by class "
        + ", ".join(f"{name} {one.ece:.3f}" for name, one in worst),
    ]
    return "\n\n".join([*blocks, *_doubts(found)])


def _shares(what: str, shares: "Mapping[str, Share]") -> list[tuple[str, str, int, str]]:
    return [
        (what, name, share.objects, f"{share.recall:.1%}" if share.objects else "-") for name, share in shares.items()
    ]


def _doubts(found: "Diagnosis") -> list[str]:
    if not found.doubtful:
        return []
    rows = [
        (doubt.doubt, doubt.file_name, doubt.label or "-", doubt.suggested or "-", f"{doubt.doubtfulness:.3f}")
        for doubt in found.doubtful
    ]
    return [table(("doubtful label", "photo", "label", "predictions say", "doubt"), rows)]


COMMANDS: tuple[Callable[..., None], ...] = (errors,)
"""Functions whose names are the verbs."""
