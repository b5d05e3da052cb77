"""An export that is open: it looks at photos without its framework."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bunri.dataset import Dataset
from bunri.engines.exported.boxes import Candidates, IntArray, clipped
from bunri.engines.exported.decoded import find_decoded
from bunri.engines.exported.detectors import REGION_NETWORKS, Decoded, NetworkName, OneStage
from bunri.engines.exported.files import check_files, read_spec, spec_file_of
from bunri.engines.exported.networks import Network, network_class
from bunri.engines.exported.one_stage import find_one_stage
from bunri.engines.exported.pixels import Batch, batch_of, input_size_of
from bunri.engines.exported.spec import ExportSpec
from bunri.engines.exported.two_stage import find_two_stage
from bunri.engines.feeding import by_size
from bunri.engines.predicting import Found, predict_all_views
from bunri.errors import BunriError, DataError, EngineError
from bunri.photos import Photo
from bunri.predictions import Predictions
from bunri.recipe import Recipe

ACROSS = [1, 0, 1, 0]
"""Rows and columns as the coordinates of a box."""


class ExportedModel:
    """What an export finds on photos (:class:`bunri.engines.predicting.Finder`)."""

    def __init__(self, spec: ExportSpec, networks: Mapping[NetworkName, Network]) -> None:
        """Take loaded networks, and what the export says of them."""
        self.spec, self.networks = spec, networks

    @property
    def recipe(self) -> Recipe:
        """How it predicts."""
        return Recipe(tta=self.spec.tta, score_floor=self.spec.score_floor, max_boxes=self.spec.max_boxes)

    def __call__(self, photos: Sequence[Photo], scale: float) -> list[Found]:
        """Boxes on each photo; ``scale`` is a factor on the size the network sees.

        Raises:
            DataError: The networks are not those the export was made of.
            EngineError: What runs them failed.
        """
        found: dict[int, Found] = {}
        for rows in self._sharing_an_input(photos, scale):
            batch = batch_of([photos[row] for row in rows], self.spec.pixels, scale)
            found |= dict(zip(rows, self._found(batch), strict=True))
        return [found[row] for row in range(len(photos))]

    def _sharing_an_input(self, photos: Sequence[Photo], scale: float) -> list[list[int]]:
        if self.spec.pixels.together:
            return [list(range(len(photos)))]
        sizes = [input_size_of(photo.shape[0], photo.shape[1], self.spec.pixels, scale) for photo in photos]
        return by_size(sizes, len(photos))

    def _found(self, batch: Batch) -> list[Found]:
        try:
            found = self._find(batch)
        except BunriError:
            raise
        except Exception as error:  # every runtime has errors of its own, and other outputs than promised fit nowhere
            raise EngineError(f"{self.spec.runtime} failed on a photo: {_in_short(error)}") from error
        facts = zip(found, batch.sizes, batch.originals, batch.corners, strict=True)
        return [_in_photo(one, *sizes) for one, *sizes in facts]

    def _find(self, batch: Batch) -> list[Candidates]:
        detector, floor = self.spec.detector, self.spec.score_floor
        if isinstance(detector, OneStage):
            return find_one_stage(self.networks["network"], batch, detector, floor)
        if isinstance(detector, Decoded):
            return find_decoded(self.networks["network"], batch, detector, floor)
        regions = [self.networks[name] for name in REGION_NETWORKS if name in self.networks]
        return find_two_stage(self.networks["network"], regions, batch, detector, floor)


def _in_short(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


def _in_photo(found: Candidates, size: IntArray, original: IntArray, corner: IntArray) -> Found:
    """In pixels of the photo, cut at its borders, without the background, classes from 0."""
    real = found.label > 0
    factor = original.astype(np.float32) / size.astype(np.float32)
    box = np.asarray((found.box[real] - corner.astype(np.float32)[ACROSS]) * factor[ACROSS], np.float32)
    return Found(
        box_xyxy=clipped(box, original).astype(np.float64),
        class_index=found.label[real] - 1,
        score=found.score[real].astype(np.float64),
    )


def open_export(path: Path, threads: int | None = None) -> ExportedModel:
    """Load an export.

    Args:
        path: Its folder, its network or its JSON.
        threads: CPU threads; None takes those this process may use.

    Raises:
        DataError: A file is absent, changed or unsafe.
        ConfigError: The JSON says what no export says.
        MissingPackageError: What runs it is not installed.
    """
    spec_file = spec_file_of(path)
    if spec_file is None:
        raise DataError(f"{path} must be an export (`bunri export` writes it), but is not")
    spec, folder = read_spec(spec_file), spec_file.parent
    check_files(spec, folder)
    load = network_class(spec.runtime)
    count = threads or len(os.sched_getaffinity(0))
    try:
        networks = {name: load(folder / facts.name, facts, count) for name, facts in spec.networks.items()}
    except Exception as error:  # as above
        raise DataError(f"{spec.runtime} must be able to load {spec_file.parent}, but: {_in_short(error)}") from error
    return ExportedModel(spec, networks)


def predict_with(model: ExportedModel, photos: Dataset) -> Predictions:
    """What an export finds on photos, in all the views of its recipe."""
    return predict_all_views(model, photos, model.recipe)
