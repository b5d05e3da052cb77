"""Augmentation as data: an Albumentations pipeline written in Albumentations' own words, and its effect on boxes."""

import inspect
import warnings
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bunri.boxes import FloatArray, IntArray
from bunri.errors import ConfigError
from bunri.settings import nearest
from bunri.user_code import is_path, load

Pipeline = tuple[dict[str, dict[str, Any]], ...]
"""Transforms in order, each a mapping of one class to its arguments: the name of one of Albumentations, or the path
(``module:Class``, dotted) of a subclass of the user's own."""

MIN_BOX_SIDE = 2.0
"""Pixels: a box that a crop leaves thinner than this is dropped."""


class Augmenter:
    """Applies a pipeline to photos and their boxes; the same seed gives the same result."""

    def __init__(self, pipeline: Pipeline) -> None:
        """Build the transforms.

        Raises:
            ConfigError: A transform or argument Albumentations does not have; the message names the nearest.
        """
        import albumentations

        boxes = albumentations.BboxParams(
            format="pascal_voc",
            label_fields=["rows"],
            min_visibility=0.2,
            min_width=MIN_BOX_SIDE,
            min_height=MIN_BOX_SIDE,
            clip=True,
        )
        with warnings.catch_warnings():  # a pipeline that moves no box is as good as any
            warnings.filterwarnings("ignore", "Got processor for bboxes", UserWarning)
            self._compose = albumentations.Compose(build_transforms(pipeline), bbox_params=boxes) if pipeline else None

    def __call__(
        self, photo: NDArray[np.uint8], box_xyxy: FloatArray, class_index: IntArray, seed: int
    ) -> tuple[NDArray[np.uint8], FloatArray, IntArray]:
        """The augmented photo ``(H, W, 3)``, its boxes ``(K, 4)`` and their classes ``(K,)``; lost boxes are gone."""
        if self._compose is None:
            return photo, box_xyxy, class_index
        self._compose.set_random_seed(seed)
        result = self._compose(image=photo, bboxes=box_xyxy, rows=np.arange(len(box_xyxy)))
        rows = np.asarray(result["rows"], np.int64)
        return result["image"], np.reshape(np.asarray(result["bboxes"], np.float64), (-1, 4)), class_index[rows]


def build_transforms(pipeline: Sequence[Mapping[str, Any]], place: str = "augment") -> list[Any]:
    """The Albumentations transforms of a pipeline; ``transforms`` of OneOf, Compose and alike nest.

    Raises:
        ConfigError: With every mistake in any of them.
    """
    built, mistakes = list[Any](), list[str]()
    for position, entry in enumerate(pipeline):
        try:
            built.append(_build(entry, f"{place}[{position}]"))
        except ConfigError as error:
            mistakes += error.mistakes
    if mistakes:
        raise ConfigError("\n".join(mistakes), mistakes)
    return built


def _build(entry: Mapping[str, Any], place: str) -> Any:
    if not isinstance(entry, Mapping) or len(entry) != 1:
        raise ConfigError(f"{place}: must be one transform with its arguments, {{Name: {{...}}}}, got {entry!r}")
    [(name, given)] = entry.items()
    kind, arguments = _transform_class(name, place), dict(given or {})
    _check_arguments(kind, arguments, f"{place}.{name}")
    if "transforms" in arguments:
        arguments["transforms"] = build_transforms(arguments["transforms"], f"{place}.{name}.transforms")
    try:
        return kind(
            **{key: tuple(v) if isinstance(v, list) and key != "transforms" else v for key, v in arguments.items()}
        )
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{place}.{name}: Albumentations refuses it: {error}") from error


@cache
def _transform_classes() -> dict[str, Any]:
    import albumentations

    base = albumentations.BasicTransform, albumentations.BaseCompose
    return {k: v for k, v in vars(albumentations).items() if inspect.isclass(v) and issubclass(v, base)}


def _transform_class(name: str, place: str) -> Any:
    if is_path(name):
        return _own_class(name, f"{place}.{name}")
    known = _transform_classes()
    if name not in known:
        raise ConfigError(f"{place}.{name}: Albumentations has no such transform{nearest(name, list(known))}")
    return known[name]


def _own_class(path: str, place: str) -> Any:
    import albumentations

    kind = load(path, place)
    if not (inspect.isclass(kind) and issubclass(kind, (albumentations.BasicTransform, albumentations.BaseCompose))):
        raise ConfigError(f"{place}: must be a transform class of Albumentations, but is {kind!r}")
    return kind


def _check_arguments(kind: Any, arguments: Mapping[str, Any], place: str) -> None:
    known = [key for key in inspect.signature(kind).parameters if key not in ("self", "kwargs")]
    for key in arguments:
        if key not in known:
            raise ConfigError(f"{place}.{key}: {kind.__name__} takes no such argument{nearest(key, known)}")
