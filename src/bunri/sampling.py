"""How often each image is seen, and what that changes for the classes.

Repeat factors are those of Gupta, Dollár, Girshick: LVIS, arXiv:1908.03195, section 3.4.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field, model_validator

from bunri.boxes import FloatArray, IntArray
from bunri.dataset import Dataset
from bunri.errors import ConfigError, DataError
from bunri.settings import Settings
from bunri.user_code import check_call, is_path, load

WEIGHT_FIELD = "sampling_weight"
"""Field of the images that says how often each is seen relative to the others; 1 where nothing is said."""


class SamplerSettings(Settings):
    """How often each training image is seen in an epoch: by repeat factors of the classes, or by a function."""

    repeat_factor_threshold: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Classes on a smaller share of the images than this are seen more often; 0 sees every image once."""
    name: str | None = None
    """In its place a function of your own, ``module:function`` or a dotted path: it gets the training images as a
    :class:`bunri.dataset.Dataset` and returns how often each is seen ``(M,)``; 2.3 is twice or three times."""
    arguments: dict[str, Any] = {}
    """Further arguments of the function."""

    @model_validator(mode="after")
    def _one_of_both(self) -> "SamplerSettings":
        if self.name is not None and self.repeat_factor_threshold:
            raise ValueError("give repeat_factor_threshold or the name of a function, not both")
        if self.name is None and self.arguments:
            raise ValueError("arguments need the name of a function")
        if self.name is not None and not is_path(self.name):
            raise ValueError("name must be module:function or a dotted path")
        return self

    @property
    def is_plain(self) -> bool:
        """Whether every image is seen once."""
        return self.name is None and not self.repeat_factor_threshold


def check_sampler(settings: SamplerSettings) -> None:
    """Look whether a function of the user's own is there and takes the arguments, without calling it.

    Raises:
        ConfigError: It is not, or does not.
    """
    if settings.name is not None:
        function = load(settings.name, "sampler.name")
        if not callable(function):
            raise ConfigError(f"sampler.name: {settings.name} must be a function, but is {function!r}")
        check_call(function, settings.arguments, "sampler.arguments", given=["dataset"])


def factors_of(dataset: Dataset, settings: SamplerSettings) -> FloatArray:
    """How often each of the M images is seen in an epoch ``(M,)``; the same in every engine.

    What the sampler says is multiplied by the images' own :data:`WEIGHT_FIELD`.

    Raises:
        ConfigError: A function of the user's own is not there, or returns no such numbers.
        DataError: A weight is no number of at least 0.
    """
    return _sampled(dataset, settings) * _weights(dataset)


def _weights(dataset: Dataset) -> FloatArray:
    given = dataset.images.fields.get(WEIGHT_FIELD, ())
    weights = np.array([1.0 if value is None else value for value in given or (None,) * len(dataset)], object)
    if not all(isinstance(value, int | float) and 0 <= value < np.inf for value in weights):
        raise DataError(f"images: {WEIGHT_FIELD} must be finite numbers of at least 0, but got {set(map(repr, given))}")
    return weights.astype(np.float64)


def _sampled(dataset: Dataset, settings: SamplerSettings) -> FloatArray:
    if settings.name is None:
        return image_repeat_factors(dataset, settings.repeat_factor_threshold)
    factors = np.asarray(load(settings.name, "sampler.name")(dataset, **settings.arguments), np.float64)
    if factors.shape != (len(dataset),) or not np.isfinite(factors).all() or factors.min(initial=0.0) < 0:
        raise ConfigError(
            f"sampler.name: {settings.name} must return {len(dataset)} finite numbers of at least 0, "
            f"one for each image, but returned {_in_words(factors)}"
        )
    if len(dataset) and factors.sum() < 1.0:
        raise ConfigError(f"sampler.name: {settings.name} must show at least one image in an epoch")
    return factors


def _in_words(factors: FloatArray) -> str:
    if factors.ndim != 1 or not len(factors):
        return f"an array of shape {factors.shape}"
    return f"{len(factors)} from {factors.min():g} to {factors.max():g}"


def class_repeat_factors(dataset: Dataset, threshold: float) -> FloatArray:
    """Repeat factors ``(C,)``: ``max(1, sqrt(t / f(c)))``, f(c) the share of images with class c; 1 where f(c) = 0."""
    real = ~dataset.annotations.is_crowd
    pairs = np.stack([dataset.annotations.class_index[real], dataset.annotations.image_id[real]], axis=1)
    images_with_class = np.bincount(np.unique(pairs, axis=0)[:, 0], minlength=len(dataset.class_names))
    frequency = images_with_class / max(len(dataset), 1)
    ratio = np.divide(threshold, frequency, out=np.zeros_like(frequency), where=frequency > 0)
    return np.maximum(1.0, np.sqrt(ratio))


def image_repeat_factors(dataset: Dataset, threshold: float) -> FloatArray:
    """Repeat factors ``(M,)`` of the images: the largest of their classes, 1 for an image without boxes."""
    factors = np.ones(len(dataset))
    real = ~dataset.annotations.is_crowd
    rows = dataset.rows_of(dataset.annotations.image_id[real])
    per_class = class_repeat_factors(dataset, threshold)
    np.maximum.at(factors, rows, per_class[dataset.annotations.class_index[real]])
    return factors


def epoch_rows(factors: FloatArray, seed: int, epoch: int) -> IntArray:
    """Rows of the images seen in an epoch, shuffled; a function of its arguments only, so that a run can resume.

    An image of factor 2.3 is seen twice and, with probability 0.3, once more (stochastic rounding).
    """
    random = np.random.default_rng((seed, epoch))
    whole = np.floor(factors)
    repeats = whole + (random.random(len(factors)) < factors - whole)
    rows = np.repeat(np.arange(len(factors)), repeats.astype(np.int64))
    return random.permutation(rows)


@dataclass(frozen=True)
class Exposure:
    """How often each class is seen in an epoch, without and with the sampler.

    Attributes:
        class_names: C names.
        boxes: ``(C,)`` boxes of each class seen in a plain epoch.
        boxes_sampled: ``(C,)`` expected boxes seen in a sampled epoch.
        epoch_length_ratio: How much longer the sampled epoch is.
        warning: A sentence where a sampler changes nothing, else None.
    """

    class_names: tuple[str, ...]
    boxes: IntArray
    boxes_sampled: FloatArray
    epoch_length_ratio: float
    warning: str | None = None

    @property
    def share(self) -> FloatArray:
        """``(C,)`` of the boxes of a plain epoch; 0 where there are none."""
        return np.divide(self.boxes, max(self.boxes.sum(), 1), dtype=np.float64)

    @property
    def share_sampled(self) -> FloatArray:
        """``(C,)`` of the boxes of a sampled epoch."""
        return np.divide(self.boxes_sampled, max(self.boxes_sampled.sum(), 1.0), dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, a mapping for each class."""
        names = ("boxes", "boxes_sampled", "share", "share_sampled")
        columns = {name: np.asarray(getattr(self, name)).round(6).tolist() for name in names}
        classes = [
            {"class": class_name, **{name: columns[name][k] for name in names}}
            for k, class_name in enumerate(self.class_names)
        ]
        return {"epoch_length_ratio": self.epoch_length_ratio, "warning": self.warning, "classes": classes}


def exposure(dataset: Dataset, settings: SamplerSettings) -> Exposure:
    """What a sampler does to a data set, before any training.

    Raises:
        ConfigError: As :func:`factors_of`.
    """
    factors = factors_of(dataset, settings)
    real = ~dataset.annotations.is_crowd
    class_index = dataset.annotations.class_index[real]
    weights = factors[dataset.rows_of(dataset.annotations.image_id[real])]
    return Exposure(
        class_names=dataset.class_names,
        boxes=dataset.boxes_per_class(),
        boxes_sampled=np.bincount(class_index, weights, len(dataset.class_names)).astype(np.float64),
        epoch_length_ratio=float(factors.sum() / max(len(factors), 1)),
        warning=_warning(settings) if (factors == 1.0).all() else None,
    )


def _warning(settings: SamplerSettings) -> str | None:
    if settings.is_plain:
        return None
    if settings.name is not None:
        return f"the sampler {settings.name} changes nothing: it sees every image once"
    return "this repeat-factor threshold changes nothing: every class is on a larger share of the images"
