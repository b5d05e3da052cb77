"""A fitted fusion: the candidates of its members, scored anew."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from bunri.boxes import BoolArray, FloatArray
from bunri.dataset import Dataset
from bunri.errors import DataError
from bunri.files import read_json, write_json
from bunri.learned.candidates import Candidates, make_candidates
from bunri.learned.explanation import Explanation, explain_gains
from bunri.learned.features import Features, describe
from bunri.learned.trees import Trees
from bunri.predictions import Predictions

FORMAT = 2
"""Of ``LearnedFusion.to_dict``."""


@dataclass(frozen=True, eq=False)
class LearnedFusion:
    """A fitted fusion.

    Attributes:
        members: Names, in the order of the features.
        sources: Names of the members whose boxes become candidates.
        classes: C of the data set it was fitted on.
        trees: What scores the candidates.
        out_of_fold: The images it was fitted on, each scored by a model fitted without its fold; None where not
            asked for.
    """

    members: tuple[str, ...]
    sources: tuple[str, ...]
    classes: int
    trees: Trees
    out_of_fold: Predictions | None = field(default=None, repr=False)

    def apply(self, members: Mapping[str, Predictions], dataset: Dataset | None = None) -> Predictions:
        """Fuse new predictions of the same members.

        Args:
            members: By name; others than ``self.members`` are left out.
            dataset: Where given, boxes are first cut at the borders of its images, as they should be.

        Raises:
            DataError: A member is missing, names classes that were not there when it was fitted, or the trees know
                other features than this version of bunri.
        """
        missing = [name for name in self.members if name not in members]
        if missing:
            raise DataError(
                f"learned fusion needs the members {', '.join(self.members)}, but {', '.join(missing)} are missing. "
                "Predict with them first, or fit it without them."
            )
        chosen = [members[name].named(name) for name in self.members]
        for member in chosen:
            check_class_count(member, self.classes)
        cut = chosen if dataset is None else [member.clipped(dataset) for member in chosen]
        candidates = make_candidates(cut, self.sources)
        features = describe(candidates, self.classes)
        self._check_features(features)
        score = self.trees.probability(features)
        return scored_anew(candidates, score)

    def _check_features(self, features: Features) -> None:
        if features.names != tuple(self.trees.gains):
            raise DataError(
                f"a learned fusion must know the features of this version of bunri ({len(features.names)}), but it was "
                f"fitted with others ({len(self.trees.gains)}). Fit it again."
            )

    def explain(self) -> Explanation:
        """Which features and which members carried the gain."""
        return explain_gains(self.trees.gains, self.members)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; ``out_of_fold`` is left out."""
        names = {"members": list(self.members), "sources": list(self.sources)}
        return {"format": FORMAT, **names, "classes": self.classes, "trees": self.trees.to_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "LearnedFusion":
        """Back from ``to_dict``.

        Raises:
            DataError: It is not what ``to_dict`` gives.
        """
        try:
            if values["format"] != FORMAT:
                raise ValueError(f"format {values['format']!r} is not {FORMAT}")
            members, sources = (tuple(str(name) for name in values[key]) for key in ("members", "sources"))
            if not set(sources) <= set(members) or not sources:
                raise ValueError(f"sources must be among {', '.join(members)}, but are {', '.join(sources) or 'none'}")
            return cls(members, sources, int(values["classes"]), Trees.from_dict(values["trees"]))
        except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            raise DataError(f"a learned fusion must be whole, but it is not: {error}. Fit it again.") from error

    def save(self, path: str | PathLike[str]) -> None:
        """Write as JSON, whole or not at all."""
        write_json(Path(path), self.to_dict())

    @classmethod
    def load(cls, path: str | PathLike[str]) -> "LearnedFusion":
        """Read what ``save`` wrote.

        Raises:
            DataError: The file cannot be read or is not a learned fusion.
        """
        return cls.from_dict(read_json(Path(path), "a learned fusion"))


def check_class_count(member: Predictions, classes: int) -> None:
    """Raise DataError where a member names a class beyond the C ones."""
    if member.class_index.max(initial=-1) >= classes:
        raise DataError(
            f"{member.name} names class {member.class_index.max()}, but there are {classes} classes, from 0 on. "
            "Check the pair of files."
        )


def scored_anew(candidates: Candidates, score: FloatArray, images: BoolArray | None = None) -> Predictions:
    """Candidates with new scores ``(N,)`` as predictions, of all or some images ``(I,)``."""
    boxes = candidates.boxes
    kept = np.ones(len(score), np.bool_) if images is None else images[boxes.image]
    return Predictions(
        image_id=candidates.image_id[boxes.image][kept],
        class_index=boxes.class_index[kept],
        score=score[kept],
        box_xyxy=boxes.box[kept],
        seen_image_id=candidates.image_id if images is None else candidates.image_id[images],
        name="learned",
    )
