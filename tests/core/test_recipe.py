import pytest

from bunri.errors import ConfigError
from bunri.recipe import Recipe


def test_a_recipe_has_one_length() -> None:
    assert Recipe().epochs == 12.0
    assert Recipe(iterations=50).epochs is None
    with pytest.raises(ConfigError, match="give epochs or iterations, not both"):
        Recipe.validated({"epochs": 1, "iterations": 1}, "recipe")


@pytest.mark.parametrize(
    "wrong",
    [{"epochs": 0}, {"ema": 1.0}, {"score_floor": 1.0}, {"sampler": {"repeat_factor_threshold": 2}}, {"augment": [3]}],
)
def test_what_no_training_could_do(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=f"  {next(iter(wrong))}"):
        Recipe.validated(wrong, "recipe")
