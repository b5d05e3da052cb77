"""Fitting a learned fusion on out-of-fold predictions, and scoring it honestly.

Stacking (Wolpert 1992, "Stacked generalization") of detectors, close to learned non-maximum suppression (Hosang et al.,
arXiv:1705.02950): a candidate's score becomes the probability that it is a true positive, given what every member says
of the place and what else the image shows. The members must not have been trained on the images, and neighbours stay in
one fold: in-sample scores lie.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from bunri.boxes import BoolArray, FloatArray, IntArray
from bunri.dataset import Dataset
from bunri.errors import DataError, UsageError
from bunri.learned.fusion import LearnedFusion, check_class_count, scored_anew
from bunri.learned.growing import Labels, grow
from bunri.learned.material import Material, choose_sources, make_material
from bunri.learned.trees import Trees, TreeSettings
from bunri.predictions import Predictions
from bunri.splits import stratified_folds

MIN_IMAGES = 100
"""With objects found on fewer images learned fusion does not help; with 30 it hurts."""

Progress = Callable[[str, int, int], None]
"""Is told what was done, how often, and of how many times."""


class TooLittleDataError(DataError):
    """There is too little data for learned fusion to help."""


def fit_learned(
    members: Sequence[Predictions],
    dataset: Dataset,
    groups: ArrayLike | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    *,
    folds: int = 5,
    settings: TreeSettings | None = None,
    threads: int = 1,
) -> LearnedFusion:
    """Fit a learned fusion, and score every image by a model that did not see its fold.

    Args:
        members: Out-of-fold predictions with unique names; one is enough (it is then re-scored by its context).
        dataset: The truth.
        groups: One label for each image of the data set; images of one label stay in one fold. None leaves every image
            to itself, which flatters where photos have neighbours.
        seed: Of the folds and models.
        progress: Is told of every fit.
        folds: For the out-of-fold scores; 0 leaves them out.
        settings: Of the model.
        threads: Of the fit; the result is the same.

    Raises:
        TooLittleDataError: There are too few images for it to help.
        UsageError: Members have no names of their own.
        DataError: A member names a class the data set does not have, or there are fewer groups than folds.
    """
    known, part = checked_members(members, dataset)
    material = make_material(known, choose_sources(known, part), part)
    tell, chosen = progress or (lambda what, done, total: None), settings or TreeSettings()
    everywhere = np.ones(len(part), np.bool_)
    check_enough(material, everywhere)
    out_of_fold = None
    if folds:
        labels = np.arange(len(dataset)) if groups is None else np.asarray(groups)
        fold = stratified_folds(part, labels[dataset.rows_of(part.images.id)], folds, seed)
        score = _cross_fitted(material, fold, folds, chosen, seed, threads, tell)
        out_of_fold = scored_anew(material.candidates, score)
    trees = fit_on(material, everywhere, chosen, seed, threads)
    tell("all images", 1, 1)
    return LearnedFusion(material.candidates.names, material.sources, material.classes, trees, out_of_fold)


def checked_members(members: Sequence[Predictions], dataset: Dataset) -> tuple[list[Predictions], Dataset]:
    """Members on the images that count, cut at their borders, and the data set of these images by rising id.

    Raises:
        UsageError: Members have no names of their own.
        DataError: A member names a class the data set does not have.
    """
    names = [member.name for member in members]
    if not names or len(set(names)) < len(names) or "" in names:
        raise UsageError(f"members must be given, each with a name of its own, but got {names}")
    for member in members:
        check_class_count(member, len(dataset.class_names))
    seen = np.unique(np.concatenate([member.seen_image_id for member in members]))
    part = dataset.subset(np.intersect1d(dataset.images.id, seen))
    return [member.of_images(part.images.id).clipped(part) for member in members], part


def check_enough(material: Material, images: BoolArray) -> None:
    """Raise TooLittleDataError where learned fusion fitted on some images ``(I,)`` would rather hurt."""
    image = material.candidates.boxes.image
    useful = len(np.unique(image[material.is_true & images[image]]))
    if useful < MIN_IMAGES:
        raise TooLittleDataError(
            f"learned fusion needs at least {MIN_IMAGES} images on which a member finds an object, but there are "
            f"{useful}: with so few it rather hurts. Take searched weighted boxes fusion instead."
        )


def fit_on(
    material: Material,
    images: BoolArray,
    settings: TreeSettings,
    seed: int = 0,
    threads: int = 1,
    go_on: Callable[[int], bool] = lambda grown: True,
) -> Trees:
    """Fit to the candidates on some images ``(I,)``; ``go_on`` is asked after each model of trees."""
    rows = material.rows_of(images)
    labels = Labels(material.is_true[rows], material.on_object[rows])
    return grow(material.features.take(rows), labels, settings, seed, threads, go_on)


def _cross_fitted(
    material: Material,
    fold: IntArray,
    folds: int,
    settings: TreeSettings,
    seed: int,
    threads: int,
    tell: Progress,
) -> FloatArray:
    """Score ``(N,)`` of each candidate by a model fitted without its fold; ``fold`` is ``(I,)``."""
    boxes = material.candidates.boxes
    score = np.zeros(len(boxes.score))
    for k in range(folds):
        trees = fit_on(material, np.asarray(fold != k), settings, seed, threads)
        rows = np.flatnonzero(fold[boxes.image] == k)
        score[rows] = trees.probability(material.features.take(rows))
        tell("fold", k + 1, folds)
    return score
