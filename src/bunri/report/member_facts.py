"""What a report says of classes and members, as plain facts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bunri.diagnosis.diagnosing import Share


@dataclass(frozen=True)
class ClassFacts:
    """One class of the data and how many boxes there are to find."""

    name: str
    boxes: int


@dataclass(frozen=True)
class SizeFacts:
    """How a member does on objects of one of COCO's sizes; ``found`` above the score at which its F1 is highest."""

    share: Share
    mAP50: float | None


@dataclass(frozen=True)
class Calibration:
    """Bins of the score that have boxes: the mean score and the share of right boxes; and the calibration error."""

    mean_score: tuple[float, ...]
    share_true: tuple[float, ...]
    ece: float


@dataclass(frozen=True)
class MemberFacts:
    """Where one member's points are, and where they are lost.

    Attributes:
        name: Of the member.
        is_ensemble: Whether it was made of the others.
        threshold: The score from which F1 over all classes is highest; counts are of boxes above it.
        AP50: By class name.
        precision: Precision at the 101 recall levels at IoU 0.5, by class name; classes without boxes are left out.
        counts: Boxes by kind of mistake, and ``missed`` objects.
        lost: mAP50 lost to each kind of mistake.
        sizes: By ``small``, ``medium``, ``large``.
        crowding: Objects found by how many there are on their photo.
        confusion: ``(C + 1) x (C + 1)`` counts, rows the objects' classes, columns the boxes'; the last is nothing.
        calibration: What its scores mean.
    """

    name: str
    is_ensemble: bool
    threshold: float
    AP50: Mapping[str, float | None]
    precision: Mapping[str, Sequence[float]]
    counts: Mapping[str, int]
    lost: Mapping[str, float | None]
    sizes: Mapping[str, SizeFacts]
    crowding: Mapping[str, Share]
    confusion: Sequence[Sequence[int]]
    calibration: Calibration


@dataclass(frozen=True)
class Rescues:
    """Who finds what another misses.

    Attributes:
        members: M names.
        found: Share of the objects each finds.
        rescued: ``M x M``: of the objects the row's member misses, the share the column's finds; None where it misses
            none or the two have no photo in common.
    """

    members: Sequence[str]
    found: Sequence[float | None]
    rescued: Sequence[Sequence[float | None]]
