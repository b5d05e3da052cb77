import numpy as np
import pytest

from builders import make_dataset
from bunri.dataset import Dataset
from bunri.sampling import SamplerSettings, class_repeat_factors, epoch_rows, exposure, image_repeat_factors

BOX = (10.0, 10.0, 50.0, 50.0)


def _long_tail() -> Dataset:
    """100 images: class 0 on all of them (twice on the first), class 1 on four and a crowd, class 2 on none."""
    boxes = [(i, 0, BOX) for i in range(1, 101)] + [(1, 0, BOX)] + [(i, 1, BOX) for i in (1, 2, 3, 4, 5)]
    return make_dataset(boxes, crowd=[False] * 105 + [True])


def test_factors_of_the_paper() -> None:
    assert class_repeat_factors(_long_tail(), 0.16).tolist() == [1.0, 2.0, 1.0]
    assert class_repeat_factors(_long_tail(), 0.0).tolist() == [1.0, 1.0, 1.0]


def test_an_image_takes_the_largest_factor_of_its_classes() -> None:
    factors = image_repeat_factors(_long_tail(), 0.16)
    assert factors[:5].tolist() == [2.0, 2.0, 2.0, 2.0, 1.0]
    assert (factors[4:] == 1.0).all()


def test_an_image_without_boxes_is_seen_once() -> None:
    dataset = make_dataset([(1, 0, BOX)], image_ids=[1, 2, 3, 4])
    assert image_repeat_factors(dataset, 1.0).tolist() == [2.0, 1.0, 1.0, 1.0]


def test_an_epoch_is_a_function_of_seed_and_number() -> None:
    factors = np.full(50, 1.5)
    np.testing.assert_array_equal(epoch_rows(factors, 3, 1), epoch_rows(factors, 3, 1))
    assert epoch_rows(factors, 3, 1).tolist() != epoch_rows(factors, 3, 2).tolist()
    assert epoch_rows(factors, 3, 1).tolist() != epoch_rows(factors, 4, 1).tolist()


def test_fractions_are_rounded_so_that_the_mean_holds() -> None:
    factors = np.array([1.0, 2.3, 1.0, 3.75])
    counts = sum(np.bincount(epoch_rows(factors, 0, epoch), minlength=4) for epoch in range(4000)) / 4000
    np.testing.assert_allclose(counts, factors, atol=0.03)
    one = np.bincount(epoch_rows(factors, 0, 0), minlength=4)
    assert ((one >= np.floor(factors)) & (one <= np.ceil(factors))).all()


def test_what_a_threshold_changes_is_said_before_training() -> None:
    told = exposure(_long_tail(), SamplerSettings(repeat_factor_threshold=0.16))
    assert told.boxes.tolist() == [101, 4, 0]
    assert told.boxes_sampled.tolist() == [106.0, 8.0, 0.0]
    assert told.epoch_length_ratio == pytest.approx(1.04)
    assert told.warning is None


def test_a_threshold_that_changes_nothing_is_a_warning() -> None:
    assert exposure(_long_tail(), SamplerSettings(repeat_factor_threshold=0.04)).warning is not None
