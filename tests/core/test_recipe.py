import pytest

from bunri.errors import ConfigError
from bunri.recipe import Recipe


def test_a_recipe_has_one_length() -> None:
    assert Recipe().total_iterations(epoch=10.5) == 126  # 12 epochs
    assert Recipe(epochs=0.01).total_iterations(epoch=10.5) == 1
    assert Recipe(iterations=50).total_iterations(epoch=10.5) == 50
    with pytest.raises(ConfigError, match="give epochs or iterations, not both"):
        Recipe.validated({"epochs": 1, "iterations": 1}, "recipe")


@pytest.mark.parametrize(
    "wrong",
    [{"epochs": 0}, {"ema": 1.0}, {"score_floor": 1.0}, {"sampler": {"repeat_factor_threshold": 2}}, {"augment": [3]}],
)
def test_what_no_training_could_do(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=f"  {next(iter(wrong))}"):
        Recipe.validated(wrong, "recipe")


def test_what_was_given_is_told_from_defaults() -> None:
    recipe = Recipe.validated({"ema": 0.0, "optimizer": {"lr": 0.1}}, "recipe")
    assert [recipe.says(name) for name in ("ema", "optimizer", "clip_norm")] == [True, True, False]
    assert recipe.given() == {"ema": 0.0, "optimizer": {"lr": 0.1}}
    assert Recipe.validated(recipe.given(), "again") == recipe
    assert not recipe.says_length
    assert Recipe(epochs=2).says_length
