from collections.abc import Callable

import numpy as np
import pytest

from builders import make_dataset
from bunri.boxes import FloatArray
from bunri.dataset import Dataset
from bunri.errors import ConfigError, DataError
from bunri.sampling import (
    WEIGHT_FIELD,
    SamplerSettings,
    check_sampler,
    class_repeat_factors,
    epoch_rows,
    exposure,
    factors_of,
    image_repeat_factors,
)

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


def test_weights_of_images_multiply_what_the_sampler_says() -> None:
    dataset = make_dataset([(1, 0, BOX)], image_ids=[1, 2, 3, 4], fields={WEIGHT_FIELD: (0.5, 0.25, None, 2)})
    assert factors_of(dataset, SamplerSettings(repeat_factor_threshold=1.0)).tolist() == [1.0, 0.25, 1.0, 2.0]


@pytest.mark.parametrize("weight", [-1.0, float("inf"), "heavy"])
def test_weights_that_are_no_numbers_of_at_least_0_are_refused(weight: object) -> None:
    dataset = make_dataset([(1, 0, BOX)], fields={WEIGHT_FIELD: (weight,)})
    with pytest.raises(DataError, match="sampling_weight must be finite numbers of at least 0"):
        factors_of(dataset, SamplerSettings())


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


def halved(dataset: Dataset, factor: float = 0.5) -> FloatArray:
    """A sampler of the user's own: every image in half of the epochs."""
    return np.full(len(dataset), factor)


def too_few(dataset: Dataset) -> list[float]:
    return [1.0, 2.0]


def negative(dataset: Dataset) -> FloatArray:
    return np.linspace(-1, 1, len(dataset))


def nothing(dataset: Dataset) -> FloatArray:
    return np.zeros(len(dataset))


def own(function: Callable[..., object], **arguments: object) -> SamplerSettings:
    values = {"name": f"{__name__}:{function.__name__}", "arguments": arguments}
    return SamplerSettings.validated(values, "sampler")


def test_a_function_of_the_users_own_gives_the_factors() -> None:
    assert factors_of(_long_tail(), own(halved)).tolist() == [0.5] * 100
    assert factors_of(_long_tail(), own(halved, factor=3)).tolist() == [3.0] * 100
    told = exposure(_long_tail(), own(halved))
    assert (told.epoch_length_ratio, told.boxes_sampled.tolist(), told.warning) == (0.5, [50.5, 2.0, 0.0], None)
    assert "halved changes nothing" in str(exposure(_long_tail(), own(halved, factor=1)).warning)


def test_the_threshold_goes_through_the_same_door() -> None:
    dataset = _long_tail()
    for threshold in (0.0, 0.04, 0.16):
        found = factors_of(dataset, SamplerSettings(repeat_factor_threshold=threshold))
        np.testing.assert_array_equal(found, image_repeat_factors(dataset, threshold))


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (too_few, r"must return 100 finite numbers of at least 0, .*returned 2 from 1 to 2"),
        (negative, "returned 100 from -1 to 1"),
        (nothing, "must show at least one image"),
    ],
)
def test_what_is_no_set_of_factors_is_refused(function: Callable[..., object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        factors_of(_long_tail(), own(function))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"name": "a:b", "repeat_factor_threshold": 0.1}, "give repeat_factor_threshold or the name"),
        ({"arguments": {"power": 1}}, "arguments need the name of a function"),
        ({"name": "inverse"}, "name must be module:function or a dotted path"),
    ],
)
def test_settings_that_contradict_themselves(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        SamplerSettings.validated(settings, "sampler")


def test_a_function_is_checked_without_a_call() -> None:
    check_sampler(SamplerSettings(repeat_factor_threshold=0.5))
    check_sampler(own(nothing))
    with pytest.raises(ConfigError, match=r"sampler\.arguments: .*'factr'"):
        check_sampler(own(halved, factr=2))
    with pytest.raises(ConfigError, match="must be a function"):
        check_sampler(SamplerSettings(name=f"{__name__}:BOX"))
