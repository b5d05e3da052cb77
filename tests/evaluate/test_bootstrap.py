import numpy as np
import pytest

from builders import make_dataset, make_predictions, random_world
from bunri.errors import DataError, UsageError
from bunri.evaluate import bootstrap_AP50, bootstrap_mAP50, evaluate, evaluate_with_intervals, interval
from bunri.evaluate.bootstrap import contracted_tail, draw_images, drawn_blocks, expanded_tail
from bunri.evaluate.matching import match, objects_of

BOX = (10.0, 10.0, 50.0, 50.0)


def test_each_resample_draws_as_many_images_as_there_are() -> None:
    times = draw_images(50, 200, seed=3)
    assert times.shape == (50, 200)
    assert (times.sum(axis=0) == 50).all()
    assert times.min() == 0
    assert times.mean(axis=1).std() < 0.2  # every image about once


def test_blocks_draw_what_one_go_draws() -> None:
    blocks = list(drawn_blocks(30, 150, seed=1))
    assert [block.shape for block in blocks] == [(30, 64), (30, 64), (30, 22)]
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1), draw_images(30, 150, seed=1))
    np.testing.assert_array_equal(blocks[0], draw_images(30, 64, seed=1))


def test_images_of_one_group_are_drawn_together() -> None:
    groups = np.array([7, 3, 7, 3, 9])
    times = draw_images(5, 100, seed=0, groups=groups)
    np.testing.assert_array_equal(times[0], times[2])
    np.testing.assert_array_equal(times[1], times[3])
    assert (times[[0, 1, 4]].sum(axis=0) == 3).all()


def test_the_same_seed_draws_the_same_for_every_member() -> None:
    dataset, (a, b) = random_world(seed=1)
    once = bootstrap_mAP50([a, b, a], dataset, resamples=30, seed=5)
    again = bootstrap_mAP50([b], dataset, resamples=30, seed=5)
    assert once.shape == (3, 30)
    np.testing.assert_array_equal(once[0], once[2])
    np.testing.assert_array_equal(once[1], again[0])
    assert np.any(bootstrap_mAP50([b], dataset, resamples=30, seed=6) != again)


def test_a_resample_is_the_score_under_its_weights() -> None:
    dataset, (member,) = random_world(seed=2, members=1)
    times = draw_images(len(dataset), 20, seed=4)
    direct = match(member, objects_of(dataset, np.unique(dataset.images.id))).mAP50(times)
    np.testing.assert_array_equal(bootstrap_mAP50([member], dataset, resamples=20, seed=4)[0], direct)


def test_members_meet_on_the_images_all_looked_at() -> None:
    dataset = make_dataset([(1, 0, BOX), (2, 0, BOX)])
    right = make_predictions([(1, 0, 0.9, BOX), (2, 0, 0.9, BOX)])
    half = make_predictions([(1, 0, 0.9, BOX)], seen=[1])
    np.testing.assert_array_equal(bootstrap_mAP50([right, half], dataset, resamples=5), 1.0)
    with pytest.raises(DataError, match="at least one image"):
        bootstrap_mAP50([half, make_predictions([(2, 0, 0.9, BOX)])], dataset)


def test_the_spread_is_that_of_the_mean_of_coins() -> None:
    """One object an image, found in half of 400 with distinct scores, nothing else: AP is the recall, so that its
    standard error is sqrt(.5 * .5 / 400) = .025."""
    rows = [(i, 0, BOX) for i in range(1, 401)]
    found = make_predictions([(i, 0, i / 1000, BOX) for i in range(1, 401, 2)], seen=range(1, 401))
    samples = bootstrap_mAP50([found], make_dataset(rows), resamples=2000)[0]
    assert samples.mean() == pytest.approx(0.5, abs=0.01)
    assert samples.std() == pytest.approx(0.025, abs=0.002)


def test_interval_by_hand() -> None:
    """Of 0, 1, ..., 100 the middle 95% reach from 2.5 to 97.5."""
    low, high = interval(np.concatenate([np.arange(101.0), [np.nan]]))
    assert (low, high) == pytest.approx((2.5, 97.5))
    assert np.isnan(interval(np.array([np.nan]))).all()


def test_tails_of_few_units() -> None:
    """Of 2 the quantile of Student's distribution at .025 is -12.7, of 10 -2.262; ten times the root of 10 / 9."""
    assert expanded_tail(0.025, 2) < 1e-50
    assert expanded_tail(0.025, 10) == pytest.approx(0.00855, abs=1e-4)  # the normal share below -2.384
    assert expanded_tail(0.025, 10**7) == pytest.approx(0.025, abs=1e-6)
    for units in (3, 10, 200):
        assert contracted_tail(expanded_tail(0.025, units), units) == pytest.approx(0.025)


def test_an_interval_of_few_units_is_wider_and_of_one_there_is_none() -> None:
    samples = np.random.default_rng(0).normal(size=5000)
    widths = [high - low for low, high in (interval(samples, units) for units in (5, 20, 1000))]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] == pytest.approx(2 * 1.96, abs=0.1)
    assert np.isnan(interval(samples, 1)).all()


def test_the_interval_of_a_class_is_of_the_images_that_have_it() -> None:
    """One image alone has the second class: nothing is known of how it varies."""
    dataset = make_dataset([(1, 0, BOX), (2, 0, BOX), (2, 1, BOX), (3, 0, BOX)])
    member = make_predictions([(1, 0, 0.9, BOX), (2, 1, 0.9, BOX), (3, 0, 0.5, BOX)], seen=[1, 2, 3])
    _, whole, by_class = evaluate_with_intervals(member, dataset, resamples=50)
    assert np.isfinite(whole).all()
    assert np.isfinite(by_class["Paper"]).all()
    assert np.isnan(by_class["Metal"]).all()
    assert np.isnan(by_class["Glass"]).all()


def test_intervals_of_all_classes() -> None:
    dataset, (member,) = random_world(seed=3, images=40, members=1)
    evaluation, whole, by_class = evaluate_with_intervals(member, dataset, min_score=0.2, resamples=300)
    assert evaluation == evaluate(member, dataset, min_score=0.2)
    assert whole.low < evaluation.mAP50 < whole.high
    assert list(by_class) == list(dataset.class_names)
    assert all(low <= evaluation.AP50[name] <= high for name, (low, high) in by_class.items())


def test_per_class_resamples_average_to_the_mean() -> None:
    dataset, members = random_world(seed=4)
    per_class = bootstrap_AP50(members, dataset, resamples=10)
    np.testing.assert_allclose(np.nanmean(per_class, axis=1), bootstrap_mAP50(members, dataset, resamples=10))


def test_bad_arguments() -> None:
    dataset, members = random_world()
    with pytest.raises(UsageError, match="resamples must be at least 1, but got 0"):
        bootstrap_mAP50(members, dataset, resamples=0)
    with pytest.raises(UsageError, match="one label for each of the 20 images"):
        bootstrap_mAP50(members, dataset, groups=[1, 2])
