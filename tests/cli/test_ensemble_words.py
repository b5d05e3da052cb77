from dataclasses import replace

import pytest

from builders import random_world
from bunri.cli.ensemble_words import comparison_text
from bunri.evaluate import compare


@pytest.mark.parametrize(
    ("images", "words"),
    [(24_004, "about 24,000"), (95, "about 95"), (1_000_000, "about 1,000,000"), (256_145_963, "more than a million")],
)
def test_how_many_images_would_decide(images: int, words: str) -> None:
    dataset, (a, b) = random_world(seed=0, images=30)
    found = replace(compare(a, b, dataset, resamples=50), verdict="undecided", images_to_decide=images)
    assert f"; {words} images would decide\n" in comparison_text(found)
