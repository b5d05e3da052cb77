import numpy as np
import pytest

from builders import make_dataset
from bunri.config import Selection
from bunri.dataset import Dataset
from bunri.errors import DataError
from bunri.experiment.selecting import drawn, select

BOX = (10.0, 10.0, 20.0, 20.0)


def dataset_of(splits: tuple[str, ...]) -> Dataset:
    return make_dataset([(i + 1, 0, BOX) for i in range(len(splits))], fields={"split": splits})


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        ({}, [1, 2, 3]),
        ({"split": "a"}, [1, 3]),
        ({"split": ["a", "b"]}, [1, 2, 3]),
    ],
)
def test_select(where: dict[str, object], ids: list[int]) -> None:
    assert select(dataset_of(("a", "b", "a")), where, "data.train.where").images.id.tolist() == ids


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ({"split": "c"}, "must select at least one of 2 images"),
        ({"plit": "a"}, r"data\.train\.where\.plit: must be a field of the images, which have \['split'\]"),
    ],
)
def test_select_that_finds_nothing_is_refused(where: dict[str, object], words: str) -> None:
    with pytest.raises(DataError, match=words):
        select(dataset_of(("a", "b")), where, "data.train.where")


def two_classes(images: int) -> Dataset:
    """Odd images have class 0, even ones class 1; image 1 has both."""
    return make_dataset([(1, 1, BOX), *((i, 0 if i % 2 else 1, BOX) for i in range(1, images + 1))])


def test_drawing_leaves_so_many_images_of_a_class() -> None:
    dataset = two_classes(20)
    some = drawn(dataset, Selection(at_most={dataset.class_names[1]: 3}), "data.train.at_most")
    classes: dict[int, set[int]] = {int(i): set() for i in some.images.id}
    for image, index in zip(some.annotations.image_id, some.annotations.class_index, strict=True):
        classes[int(image)].add(int(index))
    assert sum(1 in found for found in classes.values()) == 3
    assert sum(found == {0} for found in classes.values()) == 9, "only image 1 of class 0 can be left out"
    assert np.all(np.diff(some.images.id) > 0)


def test_drawing_is_a_function_of_its_seed() -> None:
    dataset = two_classes(40)

    def ids(seed: int) -> list[int]:
        selection = Selection(at_most=dict.fromkeys(dataset.class_names[:2], 5), seed=seed)
        return [int(i) for i in drawn(dataset, selection, "data.train.at_most").images.id]

    assert ids(0) == ids(0)
    assert ids(0) != ids(1)


def test_drawing_nothing_or_an_unknown_class_is_refused() -> None:
    dataset = two_classes(4)
    with pytest.raises(DataError, match=r"at_most\.nonsense: must be a class of the data"):
        drawn(dataset, Selection(at_most={"nonsense": 1}), "data.train.at_most")
    with pytest.raises(DataError, match="must leave at least one of 4 images"):
        drawn(dataset, Selection(at_most=dict.fromkeys(dataset.class_names[:2], 0)), "data.train.at_most")
