"""Fusing the predictions of several members into one set."""

from collections.abc import Sequence

import numpy as np

from bunri.errors import UsageError
from bunri.fuse.options import FuseOptions
from bunri.predictions import Predictions, concatenate

SAME_OBJECT = 0.7
"""IoU from which boxes that one model found in several trainings or views are one object."""


def fuse(
    predictions: Sequence[Predictions],
    method: str = "wbf",
    iou: float = 0.55,
    weights: Sequence[float] | None = None,
    min_score: float | Sequence[float] = 0.0,
    *,
    conf_type: str = "avg",
    decay: str = "gaussian",
    sigma: float = 0.5,
    soft_min_score: float = 0.001,
    max_boxes: int | None = None,
    name: str = "fused",
    threads: int = 1,
) -> Predictions:
    """Fuse members into one set of predictions, class by class, in pixels.

    The images of the result are those any member looked at. A member that did not look at an image does not count
    there: WBF divides by the members, and the weights, that did. Boxes may pass the border of their image; cut them
    first (``Predictions.clipped``), as the mean of a cluster suffers from what lies outside. Boxes without area are
    left out. Nothing of the caller's is changed.

    Ties: boxes are taken by falling weighted score, of equal scores the earlier member's first, of one member the
    earlier row; of equal IoUs the earlier cluster wins. Rows of the result stand by image id, class, falling score.

    Args:
        predictions: The members.
        method: ``wbf`` (arXiv:1910.13302), ``nms``, ``soft_nms`` (arXiv:1704.04503) or ``nmw`` (Zhou et al. 2017).
        iou: Boxes overlap when their IoU is above it.
        weights: One for each member; a member of weight 0 is left out as if it were not there.
        min_score: Boxes of a lower score are left out first; one number for all or one for each member.
        conf_type: WBF's score of a cluster: ``avg``, ``max``, ``box_and_model_avg`` or ``absent_model_aware_avg``.
        decay: Soft-NMS: ``linear`` (above ``iou``) or ``gaussian`` (any overlap).
        sigma: Soft-NMS: width of the Gaussian decay.
        soft_min_score: Soft-NMS: boxes stay while their decayed score is above it.
        max_boxes: At most so many boxes of an image stay; None for all.
        name: Of the result.
        threads: Images are fused side by side by so many threads; the result is the same.

    Raises:
        UsageError: There is no member, or an option is outside its range.
    """
    options = FuseOptions(
        method=method,
        iou=iou,
        weights=None if weights is None else tuple(weights),
        min_score=tuple(min_score) if isinstance(min_score, Sequence | np.ndarray) else min_score,
        conf_type=conf_type,
        decay=decay,
        sigma=sigma,
        soft_min_score=soft_min_score,
        max_boxes=max_boxes,
    )
    return fuse_with(predictions, options, name, threads)


def fuse_with(predictions: Sequence[Predictions], options: FuseOptions, name: str, threads: int = 1) -> Predictions:
    """``fuse`` with its options as one value."""
    from bunri.fuse.columns import fused_predictions, member_columns
    from bunri.fuse.running import fuse_columns

    if isinstance(predictions, Predictions) or not predictions:
        got = "one alone, without a list around it" if isinstance(predictions, Predictions) else "none"
        raise UsageError(f"at least one member must be given to fuse, in a list, but got {got}")
    if threads < 1:
        raise UsageError(f"threads must be at least 1, but got {threads}")
    weights = options.weights_of(len(predictions))
    floors = options.floors_of(len(predictions))
    used = np.flatnonzero(weights > 0)
    columns = member_columns([predictions[int(m)] for m in used])
    fused = columns.empty_results()
    fuse_columns(columns, options, weights[used], floors[used], fused, threads)
    result = fused_predictions(columns, fused, name)
    return result if options.max_boxes is None else best_of_each_image(result, options.max_boxes)


def best_of_each_image(predictions: Predictions, max_boxes: int) -> Predictions:
    """The ``max_boxes`` boxes of highest score of each image, in their order; of equal scores the earlier row."""
    order = np.lexsort((-predictions.score, predictions.image_id))
    image_id = predictions.image_id[order]
    rank = np.arange(len(order)) - np.searchsorted(image_id, image_id)
    return predictions[np.sort(order[rank < max_boxes])]


def one_of_several(name: str, found: Sequence[Predictions]) -> Predictions:
    """What several trainings of one model found, as one; a single training's boxes stay as they are."""
    if len(found) == 1:
        return found[0].named(name)
    return fuse(found, method="wbf", iou=SAME_OBJECT, name=name)


def join_parts(parts: Sequence[Predictions], name: str) -> Predictions:
    """Folds or views of one model as one member.

    Where one part alone looked at an image, its boxes stay as they are, as with predictions out of fold; where several
    did, as on test images or with test-time augmentation, they are fused by WBF at IoU 0.7.
    """
    ids, count = np.unique(np.concatenate([part.seen_image_id for part in parts]), return_counts=True)
    shared = ids[count > 1]
    alone = [part.of_images(np.setdiff1d(part.seen_image_id, shared)) for part in parts]
    together = [part.of_images(shared) for part in parts]
    return concatenate([*alone, *([fuse(together, iou=SAME_OBJECT)] if len(shared) else [])], name)
