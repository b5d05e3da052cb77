import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import make_predictions, random_world
from bunri.boxes import LARGEST_COORDINATE
from bunri.errors import UsageError
from bunri.fuse import CONF_TYPES, METHODS, FuseOptions, best_of_each_image, fuse, join_parts
from bunri.fuse.methods import fuse_with
from bunri.predictions import Predictions
from fuse.twins import fuse_slowly

BOX = (0.0, 0.0, 10.0, 10.0)
NEAR = (0.0, 0.0, 10.0, 8.0)  # IoU .8 with BOX
FAR = (50.0, 50.0, 60.0, 60.0)


def rows_of(predictions: Predictions) -> np.ndarray:
    columns = (predictions.image_id, predictions.class_index, predictions.score, predictions.box_xyxy)
    return np.column_stack(columns)


@st.composite
def members_of_a_few_boxes(draw: st.DrawFn) -> list[Predictions]:
    """Boxes on a coarse grid with few scores: ties, equal boxes, boxes without area, images not looked at."""
    side = st.integers(0, 4)
    box = st.tuples(st.integers(0, 3), st.integers(0, 3), side, side)
    row = st.tuples(st.integers(1, 2), st.integers(0, 1), st.sampled_from([0.0, 0.1, 0.5, 0.7, 1.0]), box)
    members = []
    for m in range(draw(st.integers(1, 3))):
        rows = [
            (i, c, s, (x * 5.0, y * 5.0, (x + w) * 5.0, (y + h) * 5.0))
            for i, c, s, (x, y, w, h) in draw(st.lists(row, max_size=12))
        ]
        seen = {row[0] for row in rows} | draw(st.sets(st.integers(1, 3)))
        members.append(make_predictions(rows, seen=sorted(seen), name=f"m{m}"))
    return members


@settings(max_examples=150, deadline=None)
@given(members_of_a_few_boxes(), st.data())
def test_every_method_is_its_slow_twin(members: list[Predictions], data: st.DataObject) -> None:
    weight = st.sampled_from([0.0, 0.5, 1.0, 2.0])
    weights = data.draw(st.none() | st.tuples(*[weight] * len(members)).filter(any))
    options = FuseOptions(
        method=data.draw(st.sampled_from(METHODS)),
        iou=data.draw(st.sampled_from([0.2, 0.5, 0.55, 1.0])),
        weights=weights,
        min_score=data.draw(st.sampled_from([0.0, 0.1, 0.3])),
        conf_type=data.draw(st.sampled_from(CONF_TYPES)),
        decay=data.draw(st.sampled_from(["linear", "gaussian"])),
        sigma=data.draw(st.sampled_from([0.1, 0.5])),
    )
    fused = fuse_with(members, options, "fused")
    assert_same_rows(rows_of(fused), fuse_slowly(members, options))
    assert fused.score.min(initial=0) >= 0
    assert fused.score.max(initial=0) <= 1


def assert_same_rows(mine: np.ndarray, slow: np.ndarray) -> None:
    """Equal but for the order of results whose scores are equal to the last digits."""
    assert mine.shape == slow.shape
    mine, slow = (table[np.lexsort(table.round(7).T[::-1])] for table in (mine, slow))
    np.testing.assert_allclose(mine, slow, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("members", [1, 4])
def test_random_boxes(method: str, members: int) -> None:
    _, some = random_world(seed=members, images=6, members=members, boxes_per_image=25)
    options = FuseOptions(method=method, iou=0.4, min_score=tuple([0.05] * members))
    np.testing.assert_allclose(rows_of(fuse_with(some, options, "")), fuse_slowly(some, options), atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_three_hundred_boxes_of_one_class_on_one_image(method: str) -> None:
    random = np.random.default_rng(0)
    low = random.uniform(0, 300, (300, 2))
    boxes = np.concatenate([low, low + random.uniform(20, 90, (300, 2))], axis=1).tolist()
    rows = [(1, 2, float(s), tuple(b)) for s, b in zip(random.permutation(300) / 300, boxes, strict=True)]
    members = [make_predictions(rows[:200]), make_predictions(rows[200:])]
    options = FuseOptions(method=method, iou=0.3)
    np.testing.assert_allclose(rows_of(fuse_with(members, options, "")), fuse_slowly(members, options), atol=1e-9)


def test_tiny_boxes_far_from_the_origin() -> None:
    """Corners near 60,000 lose 1/256 pixel in float32, a fiftieth of these boxes; the exact IoU must decide."""
    random = np.random.default_rng(1)
    low = 60_000 + random.uniform(0, 1, (80, 2))
    boxes = np.concatenate([low, low + random.uniform(0.15, 0.6, (80, 2))], axis=1).tolist()
    rows = [(1, 0, float(s), tuple(b)) for s, b in zip(random.permutation(80) / 80, boxes, strict=True)]
    options = FuseOptions(method="nms", iou=0.5)
    np.testing.assert_array_equal(
        rows_of(fuse_with([make_predictions(rows)], options, "")), fuse_slowly([make_predictions(rows)], options)
    )


@pytest.mark.parametrize("decay", ["linear", "gaussian"])
@pytest.mark.parametrize("lowest", [0.0, 0.05, 0.3])
def test_boxes_that_left_the_line_early_would_not_have_been_kept(decay: str, lowest: float) -> None:
    """Many kept boxes and many that fall below the lowest score between them."""
    random = np.random.default_rng(2)
    low = random.uniform(0, 60, (150, 2))
    boxes = np.concatenate([low, low + random.uniform(20, 60, (150, 2))], axis=1).tolist()
    rows = [(1, 0, float(s), tuple(b)) for s, b in zip(random.permutation(150) / 150, boxes, strict=True)]
    options = FuseOptions(method="soft_nms", iou=0.1, decay=decay, soft_min_score=lowest)
    members = [make_predictions(rows[:70]), make_predictions(rows[70:])]
    np.testing.assert_allclose(rows_of(fuse_with(members, options, "")), fuse_slowly(members, options), atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("decay", ["linear", "gaussian"])
def test_boxes_near_the_largest_there_can_be_are_fused_as_small_ones_are(method: str, decay: str) -> None:
    scale = LARGEST_COORDINATE / 2 / BOX[2]
    small, large = (fuse(_two_members(by), method, decay=decay) for by in (1.0, scale))
    np.testing.assert_allclose(large.score, small.score)
    np.testing.assert_allclose(large.box_xyxy, small.box_xyxy * scale)


def _two_members(scale: float) -> list[Predictions]:
    boxes = [(1, 0, score, (0.0, 0.0, scale * x, scale * y)) for score, (_, _, x, y) in ((0.5, BOX), (0.4, NEAR))]
    return [make_predictions(boxes)] * 2


def test_the_sharpest_decay_leaves_what_does_not_overlap() -> None:
    member = make_predictions([(1, 0, 0.9, BOX), (1, 0, 0.6, NEAR), (1, 0, 0.3, FAR)])
    assert fuse([member], "soft_nms", sigma=1e-320).score.tolist() == [0.9, 0.3]


def test_wbf_by_hand() -> None:
    """Boxes of IoU .8 with scores .9 and .6: box weighted 3 to 2, y_max (9 + 4.8) / 1.5 = 9.2; score (.9 + .6) / 2.

    The box found by one of two members alone has half its score.
    """
    members = [make_predictions([(1, 0, 0.9, BOX)]), make_predictions([(1, 0, 0.6, NEAR), (1, 0, 0.4, FAR)])]
    fused = fuse(members)
    np.testing.assert_allclose(fused.score, [0.75, 0.2])
    np.testing.assert_allclose(fused.box_xyxy, [(0, 0, 10, 9.2), FAR])


def test_boxes_of_different_classes_never_meet() -> None:
    members = [make_predictions([(1, 0, 0.9, BOX)]), make_predictions([(1, 1, 0.6, BOX)])]
    assert fuse(members).class_index.tolist() == [0, 1]


def test_who_did_not_look_does_not_count() -> None:
    """On image 2 the second member found nothing, on image 3 it did not look."""
    a = make_predictions([(1, 0, 0.8, BOX), (2, 0, 0.8, BOX), (3, 0, 0.8, BOX)])
    b = make_predictions([(1, 0, 0.8, BOX)], seen=[1, 2, 4])
    fused = fuse([a, b])
    np.testing.assert_allclose(fused.score, [0.8, 0.4, 0.8])
    assert fused.seen_image_id.tolist() == [1, 2, 3, 4]


def test_weight_0_is_not_being_there() -> None:
    _, (a, b) = random_world(members=2)
    only_a, without_b = fuse([a]), fuse([a, b], weights=[2.0, 0.0])
    np.testing.assert_array_equal(rows_of(only_a), rows_of(without_b))
    b_elsewhere = make_predictions([(99, 0, 0.5, BOX)])
    assert 99 not in fuse([a, b_elsewhere], weights=[1, 0]).seen_image_id


def test_scores_stay_below_1_with_uneven_weights() -> None:
    """ensemble-boxes gives (.9 * 5 + .8 * 5) / 2 * 2 / 6 = 1.42 here."""
    members = [make_predictions([(1, 0, 0.9, BOX), (1, 0, 0.8, NEAR)]), make_predictions([], seen=[1])]
    assert fuse(members, weights=[5, 1]).score.tolist() == [1.0]


def test_ties_go_to_the_earlier_member_then_the_earlier_row() -> None:
    a = make_predictions([(1, 0, 0.5, FAR), (1, 0, 0.5, NEAR)])
    b = make_predictions([(1, 0, 0.5, BOX)])
    assert fuse([a, b], method="nms").box_xyxy.tolist() == [list(FAR), list(NEAR)]
    assert fuse([b, a], method="nms").box_xyxy.tolist() == [list(BOX), list(FAR)]


def test_nothing_of_the_callers_changes() -> None:
    _, members = random_world()
    before = [rows_of(member).copy() for member in members]
    weights = [2.0, 1.0]
    for method in METHODS:
        fuse(members, method=method, weights=weights)
    for member, old in zip(members, before, strict=True):
        np.testing.assert_array_equal(rows_of(member), old)
    assert weights == [2.0, 1.0]


@pytest.mark.parametrize("method", METHODS)
def test_no_boxes_and_no_images(method: str) -> None:
    nothing, empty = make_predictions([], seen=[]), make_predictions([], seen=[4])
    assert len(fuse([nothing], method=method)) == 0
    assert fuse([nothing, empty], method=method).seen_image_id.tolist() == [4]
    one = fuse([empty, make_predictions([(4, 2, 0.5, BOX)])], method=method, conf_type="max")
    assert (len(one), one.class_index.tolist()) == (1, [2])


@pytest.mark.parametrize("method", METHODS)
def test_threads_change_nothing(method: str) -> None:
    _, members = random_world(seed=3, images=30, members=3)
    np.testing.assert_array_equal(rows_of(fuse(members, method)), rows_of(fuse(members, method, threads=3)))


def test_most_boxes_of_an_image() -> None:
    rows = [(1, 0, 0.5, BOX), (1, 1, 0.9, BOX), (1, 2, 0.5, FAR), (2, 0, 0.1, BOX)]
    kept = fuse([make_predictions(rows)], max_boxes=2)
    assert list(zip(kept.image_id.tolist(), kept.class_index.tolist(), strict=True)) == [(1, 0), (1, 1), (2, 0)]
    assert len(best_of_each_image(kept, 1)) == 2


def test_soft_nms_by_hand() -> None:
    """IoU .8: linear leaves .6 * (1 - .8) = .12, Gaussian .6 * exp(-.64 / .5) = .1668."""
    member = make_predictions([(1, 0, 0.9, BOX), (1, 0, 0.6, NEAR)])
    np.testing.assert_allclose(fuse([member], "soft_nms", decay="linear").score, [0.9, 0.12])
    np.testing.assert_allclose(fuse([member], "soft_nms").score, [0.9, 0.6 * np.exp(-0.64 / 0.5)])
    assert len(fuse([member], "soft_nms", soft_min_score=0.2)) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "median"}, "method must be one of wbf, nms, soft_nms, nmw, but got 'median'"),
        ({"conf_type": "min"}, "conf_type must be one of avg"),
        ({"decay": "cubic"}, "decay must be one of linear, gaussian"),
        ({"iou": 0}, r"iou must lie in \(0, 1\], but got 0"),
        ({"iou": "0.5"}, "iou must be a number, but got '0.5'"),
        ({"weights": [1]}, "weights must have one number for each of the 2 members"),
        ({"weights": [0, 0]}, "one at least above 0"),
        ({"weights": [1, -1]}, "not negative"),
        ({"weights": [1, float("nan")]}, "finite"),
        ({"weights": "21"}, "weights must be finite"),
        ({"min_score": [0.1]}, "min_score must have one number for each"),
        ({"min_score": float("nan")}, r"min_score must lie in \[0, 1\], but got nan"),
        ({"min_score": [0.1, 2]}, r"min_score must lie in \[0, 1\]"),
        ({"threads": 0}, "threads must be at least 1, but got 0"),
        ({"sigma": 0}, "sigma must be above 0"),
        ({"soft_min_score": -1}, "soft_min_score must not be negative"),
        ({"max_boxes": 0}, "max_boxes must be above 0"),
    ],
)
def test_bad_options(options: dict[str, object], message: str) -> None:
    _, members = random_world(images=2)
    with pytest.raises(UsageError, match=message):
        fuse(members, **options)  # type: ignore[arg-type]


def test_no_member() -> None:
    with pytest.raises(UsageError, match="at least one member"):
        fuse([])
    with pytest.raises(UsageError, match="but got one alone, without a list around it"):
        fuse(make_predictions())  # type: ignore[arg-type]


def test_floors_and_weights_may_be_arrays() -> None:
    _, members = random_world(seed=5)
    by_array = fuse(members, weights=np.array([2.0, 1.0]), min_score=np.array([0.1, 0.3]))  # type: ignore[arg-type]
    np.testing.assert_array_equal(rows_of(by_array), rows_of(fuse(members, weights=[2, 1], min_score=[0.1, 0.3])))


def test_folds_are_joined_as_they_are() -> None:
    """Each fold's boxes overlap each other; nothing else looked at these images, so nothing is fused."""
    folds = [make_predictions([(i, 0, 0.9, BOX), (i, 0, 0.5, NEAR)], seen=[i, i + 10]) for i in (1, 2)]
    joined = join_parts(folds, "model")
    assert joined.score.tolist() == [0.9, 0.5, 0.9, 0.5]
    assert (joined.seen_image_id.tolist(), joined.name) == ([1, 2, 11, 12], "model")


def test_views_of_the_same_images_are_fused() -> None:
    a, b = (
        make_predictions([(1, 0, 0.9, BOX), (2, 0, 0.7, BOX)]),
        make_predictions([(1, 0, 0.6, NEAR), (3, 0, 0.5, FAR)]),
    )
    joined = join_parts([a, b], "model")
    found = dict(zip(joined.image_id.tolist(), joined.score.tolist(), strict=True))
    assert found == pytest.approx({1: 0.75, 2: 0.7, 3: 0.5})


def test_boxes_that_all_score_zero_lie_in_their_middle() -> None:
    fused = fuse([make_predictions([(1, 0, 0.0, BOX)]), make_predictions([(1, 0, 0.0, NEAR)])])
    assert fused.score.tolist() == [0.0]
    np.testing.assert_allclose(fused.box_xyxy, [(0, 0, 10, 9)])
