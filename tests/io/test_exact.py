import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bunri.io.exact import cxcywh_to_xyxy, xyxy_to_exact_cxcywh, xyxy_to_exact_xywh

_size = st.integers(1, 8000)
_pixel = st.floats(0, 8000, allow_subnormal=False)


def _part(decimals: int) -> st.SearchStrategy[float]:
    return st.integers(0, 10**decimals).map(lambda value: value / 10**decimals)


def test_the_fewest_decimals_are_written() -> None:
    xywh = np.array([[458.5, 7.4, 176.4, 275.0]])
    corners = xywh + np.array([[0, 0, 458.5, 7.4]])  # 458.5 + 176.4 = 634.9, 7.4 + 275 = 282.4
    assert xyxy_to_exact_xywh(corners).tolist() == xywh.tolist()


def test_no_boxes_stay_none() -> None:
    assert xyxy_to_exact_xywh(np.empty((0, 4))).shape == (0, 4)
    assert xyxy_to_exact_cxcywh(np.empty((0, 4)), np.empty((0, 2), np.int64)).shape == (0, 4)


@given(x=_pixel, y=_pixel, width=_pixel, height=_pixel)
def test_sides_of_a_coco_file_give_back_their_corners(x: float, y: float, width: float, height: float) -> None:
    corners = np.array([[x, y, x + width, y + height]])
    written = xyxy_to_exact_xywh(corners)
    assert (written[:, :2] + written[:, 2:]).tolist() == corners[:, 2:].tolist()


@given(
    parts=st.sampled_from((4, 6, 8)).flatmap(lambda d: st.lists(_part(d), min_size=4, max_size=4)),
    width=_size,
    height=_size,
)
def test_a_label_line_is_written_as_it_was_read(parts: list[float], width: int, height: int) -> None:
    line, size = np.array([parts]), np.array([[width, height]])
    corners = cxcywh_to_xyxy(line, size)
    np.testing.assert_array_equal(cxcywh_to_xyxy(xyxy_to_exact_cxcywh(corners, size), size), corners)
    np.testing.assert_allclose(xyxy_to_exact_cxcywh(corners, size), line, atol=1e-12)


@given(corners=st.lists(_pixel, min_size=4, max_size=4), width=_size, height=_size)
def test_corners_that_were_in_no_label_file_move_by_their_last_bits_only(
    corners: list[float], width: int, height: int
) -> None:
    xyxy, size = np.sort(np.reshape(corners, (1, 2, 2)), axis=1).reshape(1, 4), np.array([[width, height]])
    again = cxcywh_to_xyxy(xyxy_to_exact_cxcywh(xyxy, size), size)
    np.testing.assert_allclose(again, xyxy, atol=4 * np.spacing(8000.0))
