"""Inputs of an export's networks on training photos, by which ranges of values are measured."""

from collections.abc import Iterator

import numpy as np

from bunri.dataset import Dataset
from bunri.engines.exported.detectors import NetworkName
from bunri.engines.exported.model import ExportedModel
from bunri.engines.exported.networks import Arrays, Network
from bunri.photos import read_photo


class Overheard:
    """A network whose inputs are remembered."""

    def __init__(self, network: Network) -> None:
        self._network, self.inputs = network, dict[str, np.ndarray]()

    def __call__(self, inputs: Arrays) -> Arrays:
        """The network's outputs."""
        self.inputs = {name: value.copy() for name, value in inputs.items()}
        return self._network(inputs)


class NetworkInputs:
    """What a network of an export is given for each photo; every walk runs the export anew, as there is no room."""

    def __init__(self, model: ExportedModel, name: NetworkName, photos: Dataset) -> None:
        """Take the export, the network's name and the photos."""
        self._model, self._name, self._photos = model, name, photos

    def __iter__(self) -> Iterator[dict[str, np.ndarray]]:
        """The inputs photo by photo."""
        overheard = Overheard(self._model.networks[self._name])
        model = ExportedModel(self._model.spec, {**self._model.networks, self._name: overheard})
        for row in range(len(self._photos)):
            model([read_photo(self._photos.path_of(row))], 1.0)
            yield overheard.inputs

    def __len__(self) -> int:
        return len(self._photos)


def some_photos(photos: Dataset, count: int, seed: int = 0) -> Dataset:
    """At most ``count`` photos, drawn without replacement."""
    ids = photos.images.id
    drawn = np.random.default_rng(seed).permutation(len(ids))[:count]
    return photos.subset(ids[np.sort(drawn)])
