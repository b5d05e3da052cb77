from typing import get_args

import numpy as np
import pytest

from bunri.tta import TTASettings, Turn, View, boxes_back, turn_photo

TURNS: tuple[Turn, ...] = get_args(Turn)


@pytest.mark.parametrize("turn", TURNS)
def test_a_box_comes_back_to_where_the_object_is(turn: Turn) -> None:
    photo = np.zeros((30, 50, 3), np.uint8)
    photo[4:9, 11:31] = 255
    turned = turn_photo(photo, turn)
    rows, columns = np.nonzero(turned[..., 0])
    seen = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], np.float64)
    assert boxes_back(seen, turn, width=50, height=30).tolist() == [[11, 4, 31, 9]]
    assert turned.flags.c_contiguous


@pytest.mark.parametrize("turn", TURNS)
def test_a_photo_of_one_pixel_is_turned_into_a_plain_array(turn: Turn) -> None:
    for shape in ((1, 1, 3), (1, 40, 3), (40, 1, 3)):
        assert min(turn_photo(np.zeros(shape, np.uint8), turn).strides) > 0  # torch takes no others


@pytest.mark.parametrize("turn", TURNS)
def test_no_boxes(turn: Turn) -> None:
    assert boxes_back(np.empty((0, 4)), turn, 50, 30).shape == (0, 4)


def test_names_of_views_are_names_of_files() -> None:
    assert [View().name, View(turn="rot90", scale=1.5).name] == ["identity", "rot90@1.5"]
    assert TTASettings().views == (View(),)
