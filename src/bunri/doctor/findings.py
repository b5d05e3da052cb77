"""What the doctor can find, how bad each is and what to do; and the report of what was found."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

Fault = tuple[str, str]
"""Key of a kind in ``KINDS``, and the place."""


class Severity(StrEnum):
    """How bad a finding is, the worst first."""

    BREAKS_TRAINING = "breaks training"
    WARNING = "warning"
    INFO = "info"


class Kind(NamedTuple):
    """A kind of fault: how bad, what it is, what to do."""

    severity: Severity
    what: str
    advice: str


_BREAKS, _WARNING, _INFO = Severity

KINDS: Mapping[str, Kind] = {
    "not_coco": Kind(_BREAKS, "file is not COCO JSON", "write the file again"),
    "wrong_record": Kind(_BREAKS, "key absent or of the wrong type", "correct the record"),
    "duplicate_id": Kind(_BREAKS, "id or class name used twice", "number the records afresh"),
    "unknown_image": Kind(_BREAKS, "box without an image", "remove it or add the image"),
    "unknown_category": Kind(_BREAKS, "box of an unknown category", "add the category or correct the box"),
    "wrong_box": Kind(_BREAKS, "box is not 4 finite numbers", "correct or remove it"),
    "empty_box": Kind(_BREAKS, "box of zero or negative width or height", "remove it"),
    "box_outside": Kind(_BREAKS, "box wholly outside its image", "correct it: is the image's size right?"),
    "file_outside_folder": Kind(_BREAKS, "file name leaves the image folder", "use names below the image folder"),
    "missing_photo": Kind(_BREAKS, "photo missing", "check --images, or remove the image"),
    "unreadable_photo": Kind(_BREAKS, "photo unreadable or truncated", "copy it again, or remove the image"),
    "wrong_size": Kind(_BREAKS, "size of the photo is not the file's", "correct width and height; check the boxes"),
    "box_past_border": Kind(_WARNING, "box reaches past the border", "clip it; training clips by itself"),
    "duplicate_box": Kind(_WARNING, "same box annotated twice", "remove one"),
    "two_classes": Kind(_WARNING, "same box with two classes", "decide on one"),
    "class_without_boxes": Kind(_WARNING, "class without boxes", "it cannot be learned; its AP is left out"),
    "duplicate_file_name": Kind(_WARNING, "file name of two images", "a submission needs them unique"),
    "rotated_photo": Kind(_WARNING, "photo rotated by EXIF", "bunri turns it upright; other programs may not"),
    "same_photo": Kind(_WARNING, "photo stored twice", "keep one; are the labels equal?"),
    "near_duplicate": Kind(_WARNING, "nearly the same photo", "`bunri split` keeps them in one fold"),
    "image_without_boxes": Kind(_INFO, "image without boxes", "right if nothing is on it"),
    "no_boxes": Kind(_INFO, "no boxes at all", "right for a test set; nothing can be learned or scored"),
    "annotation_zero": Kind(
        _INFO, "annotation with id 0", "pycocotools takes a match with it for a miss; bunri does not"
    ),
    "crowd": Kind(_INFO, "crowd region", "ignored in training and evaluation"),
}


@dataclass(frozen=True)
class Finding:
    """One kind of fault: how bad, how often, and some places."""

    severity: Severity
    kind: str
    what: str
    advice: str
    count: int
    places: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """What the doctor found, the worst first."""

    path: Path
    images: int
    boxes: int
    findings: tuple[Finding, ...]

    @property
    def breaks_training(self) -> bool:
        """Whether anything found breaks training."""
        return any(finding.severity is Severity.BREAKS_TRAINING for finding in self.findings)

    def count(self, kind: str) -> int:
        """How often a kind was found."""
        return sum(finding.count for finding in self.findings if finding.kind == kind)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values."""
        return {
            "annotations": str(self.path),
            "images": self.images,
            "boxes": self.boxes,
            "breaks_training": self.breaks_training,
            "findings": [asdict(finding) for finding in self.findings],
        }


def collected(faults: Iterable[Fault], max_places: int) -> tuple[Finding, ...]:
    """Faults as findings in the order of ``KINDS``, each with its first places."""
    places: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for kind, place in faults:
        places[kind].append(place)
    return tuple(
        Finding(spec.severity, kind, spec.what, spec.advice, len(places[kind]), tuple(places[kind][:max_places]))
        for kind, spec in KINDS.items()
        if places[kind]
    )
