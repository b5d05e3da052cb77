"""All pairs of members: who finds what, what fusing the two brings, and what the overlap would have foretold."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from bunri.diagnosis.mistakes import match
from bunri.evaluate.bootstrap import interval
from bunri.evaluate.metrics import none_if_nan
from bunri.evaluate.overlap import ErrorOverlap, error_overlap
from bunri.gain.features import OverlapFeatures, overlap_features
from bunri.gain.shares import whole_families
from bunri.gain.subset_values import SubsetValues


@dataclass(frozen=True)
class Pair:
    """Two members and the two fused.

    Attributes:
        a: Name of the member of higher mAP50.
        b: Name of the other.
        same_family: Whether they are of one family; None where no families were told apart.
        mAP50_a: Of the first alone.
        mAP50_b: Of the second alone.
        mAP50_fused: Of both.
        gain: ``mAP50_fused - mAP50_a``.
        low: Of the 95% interval of the gain over resampled images.
        high: Of the same.
        overlap: Objects found by both, one, none.
        features: The overlap in three numbers.
        predicted: The gain foretold from the overlap by a regression on the other pairs; None where there are too few.
    """

    a: str
    b: str
    same_family: bool | None
    mAP50_a: float
    mAP50_b: float
    mAP50_fused: float
    gain: float
    low: float
    high: float
    overlap: ErrorOverlap
    features: OverlapFeatures
    predicted: float | None = None

    @property
    def union_recall(self) -> float:
        """Share of the objects that either finds; NaN where there is none."""
        total = self.overlap.total
        objects = total.both + total.only_a + total.only_b + total.neither
        return 1 - total.neither / objects if objects else float("nan")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; NaN becomes None."""
        values = asdict(self) | {"union_recall": self.union_recall}
        return {key: none_if_nan(v) if isinstance(v, float) else v for key, v in values.items()}


def measure_pairs(values: SubsetValues, families: Mapping[str, Sequence[str]]) -> list[Pair]:
    """Every pair of the members, the stronger first; nothing foretold yet."""
    names, task = values.task.names, values.task
    matches = [match(member, task.dataset) for member in task.members]
    family = {name: key for key, members in whole_families(families, names).items() for name in members}
    units, pairs = len(np.unique(task.groups)), []
    for pair in combinations(range(len(names)), 2):
        a, b = sorted(pair, key=lambda m: -float(values([m])[0]))
        fused, alone = values(pair), values([a])
        low, high = interval((fused - alone)[1:], units)
        pairs.append(
            Pair(
                a=names[a],
                b=names[b],
                same_family=family[names[a]] == family[names[b]] if families else None,
                mAP50_a=float(alone[0]),
                mAP50_b=float(values([b])[0]),
                mAP50_fused=float(fused[0]),
                gain=float(fused[0] - alone[0]),
                low=low,
                high=high,
                overlap=error_overlap(task.members[a], task.members[b], task.dataset),
                features=overlap_features(matches[a], matches[b], task.dataset),
            )
        )
    return pairs
