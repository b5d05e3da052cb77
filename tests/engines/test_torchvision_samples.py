from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from builders import make_dataset
from bunri.boxes import FloatArray
from bunri.dataset import Dataset
from bunri.engines.feeding import LearningPhotos, batches, places, repeat_factors, seed_of
from bunri.engines.loop.samples import TrainingSamples, training_loader
from bunri.engines.predicting import predict_view
from bunri.engines.torchvision.detector import make_sample
from bunri.engines.torchvision.inference import TorchvisionFinder
from bunri.recipe import Recipe
from bunri.sampling import exposure
from bunri.tta import Turn, View


def test_batches_from_the_middle_are_those_of_the_whole() -> None:
    factors, recipe = np.array([1.0, 2.5, 1.0, 1.3, 1.0]), Recipe(batch_size=3)
    whole = list(batches(factors, recipe, seed=7, first=0, count=9))
    assert list(batches(factors, recipe, seed=7, first=4, count=5)) == whole[4:]
    assert all(len(batch) == 3 for batch in whole)


def test_an_epoch_sees_every_photo_once_with_its_own_augmentation() -> None:
    seen = list(islice(places(np.ones(6), seed=1), 12))
    assert sorted(row for row, _ in seen[:6]) == sorted(row for row, _ in seen[6:]) == list(range(6))
    assert len({seed for _, seed in seen}) == 12


def twice_where_rare(dataset: Dataset, factor: float) -> FloatArray:
    """A sampler of the user's own."""
    rare = dataset.annotations.image_id[dataset.annotations.class_index == 2]
    return np.where(np.isin(dataset.images.id, rare), factor, 1.0)


@pytest.mark.parametrize(
    "sampler",
    [
        {"repeat_factor_threshold": 0.9},
        {"name": f"{__name__}:twice_where_rare", "arguments": {"factor": 2.5}},
    ],
)
def test_the_sampler_is_carried_as_it_was_announced(sampler: dict[str, object]) -> None:
    boxes = [(i, i % 2, (10.0, 10.0, 50.0, 50.0)) for i in range(1, 9)] + [(4, 2, (10.0, 10.0, 50.0, 50.0))]
    dataset, recipe = make_dataset(boxes), Recipe.model_validate({"sampler": sampler})
    told = exposure(dataset, recipe.sampler)
    length = repeat_factors(dataset, recipe).sum()
    assert length == pytest.approx(told.epoch_length_ratio * len(dataset))
    loader = training_loader(dataset, recipe, make_sample, seed=3, first=0, count=1000)
    assert loader.batch_sampler is not None
    rows = np.array([row for batch in loader.batch_sampler for row, _ in batch])
    seen = np.bincount(rows, minlength=8) / len(rows) * length
    drawn = np.bincount(
        dataset.annotations.class_index, seen[dataset.rows_of(dataset.annotations.image_id)], len(dataset.class_names)
    )
    np.testing.assert_allclose(drawn, told.boxes_sampled, rtol=0.03)


def test_seeds_depend_on_every_part() -> None:
    assert len({seed_of(0, 1), seed_of(1, 0), seed_of(0, 2), seed_of(1, 1)}) == 4


def test_a_sample_has_labels_from_one_and_no_crowd_or_sliver(tmp_path: Path) -> None:
    Image.new("RGB", (100, 80), (10, 20, 30)).save(tmp_path / "0001.jpg", quality=100)
    boxes = [
        (1, 2, (10.0, 10.0, 50.0, 50.0)),
        (1, 0, (90.0, 70.0, 130.0, 90.0)),
        (1, 1, (5.0, 5.0, 6.0, 40.0)),
        (1, 1, (0.0, 0.0, 9.0, 9.0)),
    ]
    dataset = make_dataset(boxes, crowd=[False, False, False, True], image_folder=tmp_path)
    image, target = TrainingSamples(LearningPhotos(dataset, Recipe()), make_sample)[0, 0]
    assert image.shape == (3, 80, 100)
    assert image[:, 0, 0].mul(255).round().tolist() == [10, 20, 30]
    assert target["labels"].tolist() == [3, 1]
    assert target["boxes"].tolist() == [[10, 10, 50, 50], [90, 70, 100, 80]]  # the second is cut at the border


class _BrightBox(nn.Module):
    """A detector that finds the box around the bright pixels, whatever the view."""

    def __init__(self) -> None:
        super().__init__()
        self.transform = GeneralizedRCNNTransform(80, 100, [0.0], [1.0])

    def forward(self, images: list[Tensor]) -> list[dict[str, Tensor]]:
        return [self._find(image) for image in images]

    def _find(self, image: Tensor) -> dict[str, Tensor]:
        ys, xs = torch.nonzero(image.mean(dim=0) > 0.5, as_tuple=True)
        box = torch.tensor([[xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]], dtype=torch.float32)
        return {"boxes": box, "scores": torch.tensor([0.9]), "labels": torch.tensor([2])}


@pytest.mark.parametrize("turn", ["identity", "hflip", "vflip", "rot90", "rot180", "rot270"])
def test_boxes_of_every_view_come_back_exactly(tmp_path: Path, turn: Turn) -> None:
    photo = np.zeros((80, 100, 3), np.uint8)
    photo[12:30, 55:95] = 255
    Image.fromarray(photo).save(tmp_path / "0007.png")
    dataset = make_dataset([(7, 1, (55.0, 12.0, 95.0, 30.0))], image_folder=tmp_path)
    dataset = type(dataset)(
        dataset.class_names, dataset.category_ids,
        type(dataset.images)(dataset.images.id, ("0007.png",), dataset.images.width, dataset.images.height),
        dataset.annotations, tmp_path,
    )  # fmt: skip
    done: list[int] = []
    found = predict_view(
        TorchvisionFinder(_BrightBox(), torch.device("cpu")), dataset, View(turn=turn), Recipe(), done.append
    )
    assert found.box_xyxy.tolist() == [[55.0, 12.0, 95.0, 30.0]]
    assert found.class_index.tolist() == [1]
    assert found.image_id.tolist() == [7]
    assert (found.name, done) == (turn, [1])
