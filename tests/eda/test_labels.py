import numpy as np
import pytest

from builders import make_dataset
from bunri.boxes import FloatArray
from bunri.dataset import Dataset
from bunri.eda.labels import class_counts, objects_per_image, together
from bunri.eda.sizes import aspect_histogram, coco_sizes, position_maps, share_histogram, side_histogram

BOXES = [
    (1, 0, (0.0, 0.0, 10.0, 40.0)),
    (1, 0, (0.0, 0.0, 20.0, 20.0)),
    (1, 1, (50.0, 40.0, 100.0, 80.0)),
    (2, 1, (0.0, 0.0, 100.0, 80.0)),
]


@pytest.fixture
def dataset() -> Dataset:
    """Image 1 has two papers and a metal, 2 a metal, 3 nothing; no glass."""
    return make_dataset(BOXES, image_ids=(1, 2, 3))


def counted(labels: tuple[str, ...], counts: FloatArray | np.ndarray) -> dict[str, int]:
    return {label: int(count) for label, count in zip(labels, counts, strict=True) if count}


def test_classes_are_counted_by_boxes_and_by_photos(dataset: Dataset) -> None:
    paper, metal, glass = class_counts(dataset)
    assert (paper.boxes, paper.images, paper.median_side) == (2, 1, 20.0)
    assert (metal.boxes, metal.images) == (2, 2)
    assert (glass.boxes, glass.images, glass.median_side) == (0, 0, None)


def test_a_crowd_region_is_no_object() -> None:
    dataset = make_dataset(BOXES, crowd=[True, False, False, False])
    assert [row.boxes for row in class_counts(dataset)] == [1, 2, 0]
    assert side_histogram(dataset).counts[0].sum() == 3


def test_classes_together(dataset: Dataset) -> None:
    assert together(dataset).tolist() == [[1, 1, 0], [1, 2, 0], [0, 0, 0]]


def test_objects_on_a_photo_of_all_and_of_each_class(dataset: Dataset) -> None:
    histogram = objects_per_image(dataset)
    everything, paper, metal, glass = (counted(histogram.labels, row) for row in histogram.counts)
    assert everything == {"0": 1, "1": 1, "3": 1}
    assert paper == {"0": 2, "2": 1}
    assert metal == {"0": 1, "1": 2}
    assert glass == {"0": 3}
    assert histogram.labels[-4:] == ("8–10", "11–15", "16–30", "≥ 31")
    assert histogram.trimmed().labels == ("0", "1", "2", "3")


def test_sizes_and_shapes(dataset: Dataset) -> None:
    sides, shares, aspects = (of(dataset) for of in (side_histogram, share_histogram, aspect_histogram))
    assert counted(sides.labels, sides.counts[0]) == {"16–32": 2, "32–64": 1, "64–96": 1}
    assert counted(sides.labels, sides.counts[1]) == {"16–32": 2}
    assert counted(shares.labels, shares.counts[0]) == {"3–10": 2, "10–30": 1, "≥ 30": 1}
    assert counted(aspects.labels, aspects.counts[0]) == {"0.25–0.5": 1, "0.8–1.25": 1, "1.25–1.5": 2}


def test_coco_sizes_are_by_annotated_area(dataset: Dataset) -> None:
    sizes = coco_sizes(dataset)
    assert counted(sizes.labels, sizes.counts[0]) == {"small": 2, "medium": 2}


def test_a_position_map_is_what_a_loop_over_cells_counts(dataset: Dataset) -> None:
    maps = position_maps(dataset, grid=4)
    assert maps.shape == (4, 4, 4)
    np.testing.assert_allclose(maps[2], [[0.5] * 4, [0.5] * 4, [0.5, 0.5, 1, 1], [0.5, 0.5, 1, 1]])
    np.testing.assert_allclose(maps[1], [[1.0, 0, 0, 0], [0.5, 0, 0, 0], [0.0] * 4, [0.0] * 4])
    np.testing.assert_allclose(maps[0], (maps[1] * 2 + maps[2] * 2) / 4)
    assert not maps[3].any()


def test_boxes_past_the_border_stay_on_the_map() -> None:
    maps = position_maps(
        make_dataset([(1, 0, (-30.0, -5.0, 500.0, 500.0)), (1, 0, (120.0, 90.0, 130.0, 95.0))]), grid=3
    )
    assert maps[0].min() == 0.5
    assert maps[0, 2, 2] == 1.0


def test_no_boxes_at_all() -> None:
    dataset = make_dataset([], image_ids=(1, 2))
    assert objects_per_image(dataset).counts[0, 0] == 2
    assert not position_maps(dataset).any()
    assert side_histogram(dataset).trimmed().counts.sum() == 0
