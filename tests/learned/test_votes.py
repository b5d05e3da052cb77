"""Votes and spread against slow, obvious twins."""

import numpy as np
import pytest

from bunri.boxes import FloatArray, iou_matrix
from bunri.learned.boxes_by_image import ImageBoxes
from bunri.learned.votes import SPREAD, VOTES, count_votes, measure_spread
from learned_worlds import boxes_of


def rows_of_image(boxes: ImageBoxes, image: int) -> slice:
    return slice(int(boxes.start[image]), int(boxes.start[image + 1]))


def best(scores: FloatArray, where: FloatArray) -> float:
    return float(scores[where].max(initial=0.0))


def votes_of(candidate: FloatArray, class_index: int, member: ImageBoxes, image: int) -> dict[str, float]:
    rows = rows_of_image(member, image)
    score, iou = member.score[rows], iou_matrix(candidate[None], member.box[rows])[0]
    same = member.class_index[rows] == class_index
    near = same & (iou > 0.3)
    return {
        "best_30": best(score, near),
        "best_50": best(score, same & (iou > 0.5)),
        "best_75": best(score, same & (iou > 0.75)),
        "best_90": best(score, same & (iou > 0.9)),
        "score_times_iou": best(score * iou, near),
        "iou": best(iou, near),
        "count": float((same & (iou > 0.5)).sum()),
        "other_class": best(score, ~same & (iou > 0.5)),
    }


@pytest.mark.parametrize("seed", range(3))
def test_votes_are_those_of_the_twin(seed: int) -> None:
    candidates, member = boxes_of(seed), boxes_of(seed, member=seed % 2)  # itself, too: IoU above .9
    votes, place = np.zeros((len(candidates.score), len(VOTES))), np.zeros((len(candidates.score), 3))
    count_votes(candidates, member, votes, place)
    for i, image in enumerate(candidates.image):
        expected = votes_of(candidates.box[i], int(candidates.class_index[i]), member, int(image))
        assert dict(zip(VOTES, votes[i].tolist(), strict=True)) == pytest.approx(expected)
        rows = rows_of_image(member, int(image))
        iou = iou_matrix(candidates.box[i][None], member.box[rows])[0]
        for c in range(3):
            of_class = (iou > 0.5) & (member.class_index[rows] == c)
            assert place[i, c] == pytest.approx(best(member.score[rows], of_class))


@pytest.mark.parametrize("seed", range(3))
def test_spread_is_that_of_the_twin(seed: int) -> None:
    candidates, pool = boxes_of(seed), boxes_of(seed, member=seed % 2)
    found = np.zeros((len(candidates.score), len(SPREAD)))
    measure_spread(candidates, pool, found)
    for i, image in enumerate(candidates.image):
        rows = rows_of_image(pool, int(image))
        expected = spread_of(candidates.box[i], int(candidates.class_index[i]), pool, rows)
        np.testing.assert_allclose(found[i], expected, atol=1e-7)


def spread_of(candidate: FloatArray, class_index: int, pool: ImageBoxes, rows: slice) -> list[float]:
    iou, score = iou_matrix(candidate[None], pool.box[rows])[0], pool.score[rows]
    same = pool.class_index[rows] == class_index
    weight = np.where(iou >= 0.3, score * iou**2, 0.0)
    length = np.tile(candidate[2:] - candidate[:2], 2)
    offset = (pool.box[rows] - candidate) / length
    own = weight * same
    mean = own @ offset / max(own.sum(), 1e-9)
    variance = (own @ (offset - mean) ** 2 / max(own.sum(), 1e-9)).sum()
    tight = iou > 0.9
    own_90, other_90 = best(score, tight & same), best(score, tight & ~same)
    sides = [*mean, *(weight @ offset / max(weight.sum(), 1e-9)), np.sqrt(variance)]
    weights = [own.sum(), weight.sum(), own.sum() / max(weight.sum(), 1e-9)]
    return [*sides, *weights, own_90, other_90, float(tight.sum()), own_90 - other_90]


def test_an_image_without_boxes_has_no_votes() -> None:
    candidates = boxes_of()
    empty = ImageBoxes(np.zeros(7, np.int64), np.empty(0, np.int64), np.empty(0), np.empty((0, 4)))
    votes, place = np.zeros((len(candidates.score), len(VOTES))), np.zeros((len(candidates.score), 3))
    count_votes(candidates, empty, votes, place)
    assert not votes.any()
    assert not place.any()
