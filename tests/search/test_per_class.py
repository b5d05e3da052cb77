from pathlib import Path

import numpy as np
import pytest

from builders import random_world
from bunri.boxes import BoolArray
from bunri.dataset import Dataset
from bunri.errors import DataError
from bunri.evaluate import evaluate
from bunri.fuse import FuseOptions, fuse
from bunri.predictions import Predictions, concatenate
from bunri.search import apply_recipe, read_recipe, search, write_recipe
from bunri.search.climbing import Climb
from bunri.search.per_class import options_by_class, recipe_of_classes
from bunri.search.scoring import scorer_of
from bunri.search.task import make_task

PLAIN = FuseOptions("nms", 0.7, weights=(1.0, 1.0), min_score=(0.0, 0.0))
OWN = FuseOptions("wbf", 0.5, weights=(1.0, 0.5), min_score=(0.1, 0.0))


def split_world(images: int = 80) -> tuple[Dataset, list[Predictions]]:
    """Each of two members knows one class and dreams of the other."""
    dataset, members = random_world(seed=3, images=images, classes=2)
    random = np.random.default_rng(0)

    def dreaming(member: Predictions, rows: BoolArray) -> Predictions:
        shift = np.where(rows, 250.0, 0.0)[:, None] * random.choice([-1, 1], (len(member), 1))
        box = np.clip(member.box_xyxy + shift, 0, 600)
        return Predictions(member.image_id, member.class_index, member.score, box, name=member.name)

    return dataset, [dreaming(member, member.class_index == m) for m, member in enumerate(members)]


def rows_of(predictions: Predictions) -> np.ndarray:
    table = np.column_stack([predictions.image_id, predictions.class_index, predictions.score, predictions.box_xyxy])
    return table[np.lexsort(table.T[::-1])]


def test_each_class_is_fused_by_its_options() -> None:
    _, members = random_world()
    applied = apply_recipe(
        recipe_of_classes(PLAIN, {1: OWN}, ["member0", "member1"]), {member.name: member for member in members}
    )
    plain, own = fuse(members, "nms", 0.7, (1.0, 1.0)), fuse(members, "wbf", 0.5, (1.0, 0.5), (0.1, 0.0))
    expected = concatenate([plain[plain.class_index != 1], own[own.class_index == 1]])
    np.testing.assert_array_equal(rows_of(applied), rows_of(expected))
    assert (np.diff(applied.image_id) >= 0).all()


def test_a_recipe_by_class_survives_its_file(tmp_path: Path) -> None:
    recipe = recipe_of_classes(PLAIN, {1: OWN}, ["member0", "member1"])
    write_recipe(recipe, tmp_path / "recipe.json")
    members = {member.name: member for member in random_world()[1]}
    again = apply_recipe(read_recipe(tmp_path / "recipe.json"), members)
    np.testing.assert_array_equal(rows_of(again), rows_of(apply_recipe(recipe, members)))


def test_without_a_class_of_its_own_it_is_the_plain_recipe() -> None:
    assert recipe_of_classes(PLAIN, {}, ["a", "b"]).method == "nms"


def test_members_that_know_one_class_each() -> None:
    """No setting of all classes does what taking each class from the member that knows it does."""
    dataset, members = split_world()
    found = search(members, dataset, folds=3, families=["fused", "per_class"], resamples=50)
    assert found.recipe.method == "per_class"
    assert found.family_scores["per_class"] > found.family_scores["fused"] + 0.02
    assert found.recipe.parameters["classes"]
    assert evaluate(found.out_of_fold, dataset).mAP50 == pytest.approx(found.score, abs=1e-9)


def test_thin_classes_keep_the_common_options() -> None:
    dataset, members = split_world(images=30)  # 150 boxes of two classes: fewer than 100 of each
    task = make_task(members, dataset, folds=3)
    climb = Climb(scorer_of(task), 3, task.groups)
    assert options_by_class(climb, climb.run()) == {}


@pytest.mark.parametrize(
    "parameters", [{}, {"plain": 1, "classes": {}}, {"plain": {"method": "wbf"}, "classes": {"x": {}}}]
)
def test_a_recipe_that_is_not_whole(parameters: dict[str, object]) -> None:
    recipe = recipe_of_classes(PLAIN, {1: OWN}, ["member0", "member1"]).model_copy(update={"parameters": parameters})
    with pytest.raises(DataError, match="a recipe by class must be whole"):
        apply_recipe(recipe, {member.name: member for member in random_world()[1]})
