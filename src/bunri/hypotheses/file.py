"""The settings of a file of hypotheses, one class a part, a sentence under every field."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from bunri.fuse.calibration_curves import CURVES
from bunri.settings import Settings

ArmName = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")]
"""Arms are named in effects: letters, digits and ``_``."""

Reference = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(@-?\d+)?$")]
"""An arm in an ensemble: its name, or ``name@seed`` for what one of its seeds predicts."""

Footing = Literal["images", "folds", "leaks", "score_floor", "tta", "iterations", "member_count"]
"""What can be held equal."""

DEFAULT_FOOTING: tuple[Footing, ...] = ("images", "folds", "leaks", "score_floor", "tta", "iterations")
"""What is held equal unless a hypothesis says otherwise."""

Floor = Literal["native", "common"] | Annotated[float, Field(ge=0, lt=1)]
ImageRule = Literal["same", "common"]
KINDS = ("predictions", "fuse", "search", "experiment")


class Arm(Settings):
    """Predictions to compare: files, an ensemble of other arms, or what a trained experiment predicts out of fold."""

    predictions: dict[int, tuple[Path, ...]] | None = None
    """Files of folds or views that make one set, as one path or a list; ``{seed: files}`` where the model was
    trained several times."""
    fuse: Annotated[tuple[Reference, ...], Field(min_length=1)] | None = None
    """Arms fused by the fixed options below."""
    search: Annotated[tuple[Reference, ...], Field(min_length=1)] | None = None
    """Arms fused by recipes that ``bunri search`` finds in nested folds: each image by a recipe found without it."""
    experiment: Path | None = None
    """Experiment file; its runs that are missing are trained, those that are there are taken."""

    method: Literal["wbf", "nms", "soft_nms", "nmw"] = "wbf"
    """Of ``fuse``."""
    iou: Annotated[float, Field(gt=0, le=1)] = 0.55
    """Of ``fuse``: boxes of a class that overlap more are one object; 1 with ``nms`` keeps every box."""
    weights: tuple[Annotated[float, Field(gt=0)], ...] | None = None
    """Of ``fuse``: one for each arm; null for all equal."""
    min_score: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Of ``fuse``: boxes of smaller score are left out before."""
    calibrate: Literal["none", "isotonic", "platt", "beta"] = "none"
    """Of ``fuse``: scores of each member are made shares of true boxes first, by curves fitted on other images."""

    families: tuple[str, ...] | None = None
    """Of ``search``: kinds of recipes; null tries the usual ones."""
    seconds: Annotated[float, Field(gt=0)] | None = None
    """Of ``search``: time after which the best so far must do."""

    model: str | None = None
    """Of ``experiment``: which of its models; null where it has one."""
    set: dict[str, Any] = {}
    """Of ``experiment``: overrides, dotted keys of the experiment file and their values."""
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] | None = None
    """Of ``experiment``: each is a training of its own; null takes those of the experiment."""
    view: str | None = None
    """Of ``experiment``: one test-time view alone, such as ``hflip``, in place of all of them fused."""
    judged_on: Literal["held_out", "test"] = "held_out"
    """Of ``experiment``: judged on the photos each fold holds out, or on the experiment's test photos, where the models
    of several folds look together."""

    tta: tuple[str, ...] | None = None
    """Of ``predictions``: the test-time views they are of, such as ``[identity]``; null where not known."""
    iterations: Annotated[int, Field(gt=0)] | None = None
    """Of ``predictions``: optimizer steps of the training; null where not known."""
    trained_on: Path | None = None
    """Of ``predictions``: COCO JSON of the images the model learned, to see that none of them is judged on."""

    @field_validator("predictions", mode="before")
    @classmethod
    def _by_seed(cls, given: Any) -> Any:
        """A path, a list of them, or either by seed."""
        by_seed = given if isinstance(given, dict) else {0: given}
        return None if given is None else {k: [v] if isinstance(v, str | Path) else v for k, v in by_seed.items()}

    @model_validator(mode="after")
    def _one_kind(self) -> "Arm":
        kinds = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(kinds) != 1:
            raise ValueError(f"an arm must have one of {', '.join(KINDS)}, but has {', '.join(kinds) or 'none'}")
        strangers = self.model_fields_set - {kinds[0], *ALLOWED[kinds[0]]}
        if strangers:
            raise ValueError(f"{', '.join(sorted(strangers))} must not go with {kinds[0]}")
        if self.weights is not None and self.fuse is not None and len(self.weights) != len(self.fuse):
            raise ValueError(f"weights must have one number for each of the {len(self.fuse)} arms that are fused")
        return self

    @property
    def members(self) -> tuple[str, ...]:
        """Arms this one is fused of, as ``name`` or ``name@seed``."""
        return self.fuse or self.search or ()


ALLOWED: dict[str, tuple[str, ...]] = {
    "predictions": ("tta", "iterations", "trained_on"),
    "fuse": ("method", "iou", "weights", "min_score", "calibrate"),
    "search": ("families", "seconds"),
    "experiment": ("model", "set", "seeds", "view", "judged_on"),
}
"""What may be said of each kind of arm."""

assert set(CURVES) == {"isotonic", "platt", "beta"}

_DIFFERENCE = re.compile(r"\s*(\w+)\s*-\s*(\w+)\s*")
_RATIO = re.compile(rf"\s*\({_DIFFERENCE.pattern}\)\s*/\s*\({_DIFFERENCE.pattern}\)\s*")


class RareClasses(Settings):
    """The classes of which there are few boxes."""

    boxes_below: Annotated[int, Field(gt=0)]
    """A class is rare with fewer annotated boxes than this on the judged images."""


class Hypothesis(Settings):
    """A claim, the number it is about, and when it would matter."""

    claim: Annotated[str, Field(min_length=1)]
    """In a sentence."""
    effect: str
    """A difference of two arms, ``b - a``, or a ratio of gains, ``(x - base) / (y - base)``."""
    smallest_effect: float
    """That matters: points of the metric (0.01 is one of a hundred), or the ratio."""
    null: float | None = None
    """Where the claim is plainly wrong: the effect is this or less. Null: 0 for a difference, 1 for a ratio."""
    expect: Literal["at_least", "below"] = "at_least"
    """``at_least``: the claim is that the effect reaches ``smallest_effect``; ``below``: that it stays below."""
    metric: Literal["mAP50", "mAP50_95"] = "mAP50"
    """On a 0-1 scale."""
    classes: Annotated[tuple[str, ...], Field(min_length=1)] | RareClasses | None = None
    """The mean is over these alone: ``[Battery]`` for one class's AP, ``{boxes_below: 100}`` for the rare ones."""
    equal: tuple[Footing, ...] | None = None
    """What must be known to be equal; null holds equal what is known of images, folds, leaks, score floor, TTA and
    iterations."""
    unequal: dict[Footing, str] = {}
    """What may differ, with the reason."""
    images: ImageRule | None = None
    """As in the file, for this hypothesis alone."""
    floor: Floor | None = None
    """As in the file, for this hypothesis alone."""

    @field_validator("effect")
    @classmethod
    def _readable(cls, effect: str) -> str:
        if not (_DIFFERENCE.fullmatch(effect) or _RATIO.fullmatch(effect)):
            raise ValueError("an effect must be 'b - a' or '(x - base) / (y - base)' with names of arms")
        return effect

    @field_validator("null")
    @classmethod
    def _below_the_smallest(cls, null: float | None, info: ValidationInfo) -> float | None:
        smallest = info.data.get("smallest_effect")
        if null is not None and smallest is not None and null > smallest:
            raise ValueError(f"null must not be above smallest_effect, {smallest:g}")
        return null

    @model_validator(mode="after")
    def _smallest_is_above_null(self) -> "Hypothesis":
        if self.smallest_effect <= self.no_effect and self.null is None:
            raise ValueError(
                f"smallest_effect must be above {self.no_effect:g}, where there is no effect, but got "
                f"{self.smallest_effect:g}; to claim a loss, let the arms change places"
            )
        return self

    @property
    def differences(self) -> tuple[tuple[str, str], ...]:
        """Names ``(of, minus)`` of the difference, or of the gains above and below the stroke."""
        found = _RATIO.fullmatch(self.effect) or _DIFFERENCE.fullmatch(self.effect)
        assert found is not None
        names = found.groups()
        return tuple(zip(names[::2], names[1::2], strict=True))

    @property
    def is_ratio(self) -> bool:
        """Whether the effect is a ratio of gains."""
        return len(self.differences) == 2

    @property
    def arm_names(self) -> tuple[str, ...]:
        """Arms in the effect, each once."""
        return tuple(dict.fromkeys(name for pair in self.differences for name in pair))

    @property
    def no_effect(self) -> float:
        """Where the claim is plainly wrong."""
        return self.null if self.null is not None else float(self.is_ratio)


class HypothesesFile(Settings):
    """The whole of a file of hypotheses: a family of claims that share an error rate."""

    name: str
    """Of the family; by default the stem of the file."""
    truth: Path | None = None
    """COCO JSON with the boxes; null takes the training images of the experiments."""
    groups: str = "none"
    """Images drawn together: ``session`` (shots in a row), a field of the images, or ``none``."""
    images: ImageRule = "same"
    """``same``: all arms of a hypothesis must have looked at the same images; ``common``: those all of them looked at
    are judged."""
    floor: Floor = "native"
    """``native``: scores as they came; ``common``: every member is cut at the highest floor any of them came with; or
    a number to cut at."""
    error_rate: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    """At most this share of families of wrong claims has one that is called supported, two-sided."""
    power: Annotated[float, Field(gt=0, lt=1)] = 0.8
    """With which "how many would decide" is told."""
    resamples: Annotated[int, Field(ge=100)] = 10_000
    """Of the images."""
    seed: int = 0
    """Of the resamples."""
    arms: Annotated[dict[ArmName, Arm], Field(min_length=1)]
    """By name."""
    hypotheses: Annotated[dict[str, Hypothesis], Field(min_length=1)]
    """By id, such as ``H1``."""
