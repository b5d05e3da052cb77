import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bunri.boxes import FloatArray, area, clip_xyxy, iou_matrix, xywh_to_xyxy, xyxy_to_xywh

corners = arrays(np.float64, (7, 4), elements=st.integers(0, 500).map(float)).map(
    lambda a: np.concatenate([np.minimum(a[:, :2], a[:, 2:]), np.maximum(a[:, :2], a[:, 2:])], axis=1)
)


@given(corners)
def test_corners_to_sides_and_back(xyxy: FloatArray) -> None:
    np.testing.assert_array_equal(xywh_to_xyxy(xyxy_to_xywh(xyxy)), xyxy)


def test_the_callers_array_is_left_alone() -> None:
    xywh = np.array([[1.0, 2.0, 3.0, 4.0]])
    assert xywh_to_xyxy(xywh).tolist() == [[1.0, 2.0, 4.0, 6.0]]
    assert xywh.tolist() == [[1.0, 2.0, 3.0, 4.0]]


def test_area_of_a_box_turned_inside_out_is_zero() -> None:
    assert area(np.array([[0.0, 0, 4, 5], [4, 0, 0, 5], [1, 1, 1, 9]])).tolist() == [20.0, 0.0, 0.0]


def test_clipping_takes_one_size_or_one_for_each_box() -> None:
    boxes = np.array([[-5.0, 3, 120, 90], [10, -1, 20, 50]])
    assert clip_xyxy(boxes, 100, 80).tolist() == [[0, 3, 100, 80], [10, 0, 20, 50]]
    assert clip_xyxy(boxes, np.array([100, 15]), np.array([80, 40])).tolist() == [[0, 3, 100, 80], [10, 0, 15, 40]]


def test_iou_by_hand() -> None:
    a = np.array([[0.0, 0, 10, 10], [0, 0, 0, 0]])
    b = np.array([[5.0, 0, 15, 10], [0, 0, 10, 10], [20, 20, 30, 30], [0, 0, 0, 0]])
    np.testing.assert_allclose(iou_matrix(a, b), np.array([[1 / 3, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]))


@given(corners, corners)
def test_iou_is_symmetric_and_at_most_one(a: FloatArray, b: FloatArray) -> None:
    iou = iou_matrix(a, b)
    np.testing.assert_array_equal(iou, iou_matrix(b, a).T)
    assert (iou >= 0).all()
    assert (iou <= 1).all()
    np.testing.assert_array_equal(np.diag(iou_matrix(a, a)), np.where(area(a) > 0, 1.0, 0.0))
