from dataclasses import replace

import pytest

from builders import random_world
from bunri.cli.ensemble_words import comparison_text, evaluation_text, evaluation_values
from bunri.evaluate import compare, evaluate_with_intervals


@pytest.mark.parametrize(
    ("images", "words"),
    [(24_004, "about 24,000"), (95, "about 95"), (1_000_000, "about 1,000,000"), (256_145_963, "more than a million")],
)
def test_how_many_images_would_decide(images: int, words: str) -> None:
    dataset, (a, b) = random_world(seed=0, images=30)
    found = replace(compare(a, b, dataset, resamples=50), verdict="undecided", images_to_decide=images)
    assert f"; {words} images would decide\n" in comparison_text(found)


def test_of_one_image_no_interval_is_printed() -> None:
    dataset, (a, b) = random_world(seed=0, images=30)
    text = comparison_text(compare(a.of_images([1]), b, dataset, resamples=50))
    assert "without interval (of one image or group alone)\nundecided (p = 1)\n" in text
    alone = evaluation_values(evaluate_with_intervals(a.of_images([1]), dataset, resamples=50))
    assert "nan" not in evaluation_text(alone)
    assert "[" not in evaluation_text(alone)
