"""The model that scores candidates anew: trees and a network, averaged in log-odds."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bunri.boxes import BoolArray, FloatArray, IntArray
from bunri.learned.features import Features
from bunri.learned.forest import Forest
from bunri.learned.network import Network, NetworkSettings, train_network
from bunri.learned.trees import Trees, TreeSettings, grow


@dataclass(frozen=True)
class ModelSettings:
    """What is fitted.

    Attributes:
        trees: How the trees grow.
        network: How the network learns.
        networks: So many networks of different seeds; 0 leaves them out.
        network_share: Weight of the networks in the mean of the log-odds; the trees have the rest.
    """

    trees: TreeSettings = field(default_factory=TreeSettings)
    network: NetworkSettings = field(default_factory=NetworkSettings)
    networks: int = 2
    network_share: float = 0.5


@dataclass(frozen=True, eq=False)
class Model:
    """A fitted model."""

    trees: Trees
    networks: tuple[Network, ...]
    network_share: float

    def probability(self, features: Features, class_index: IntArray) -> FloatArray:
        """How likely each of N candidates is true, ``(N,)`` in [0, 1]."""
        log_odds = self.trees.log_odds(features)
        if self.networks:
            networks = np.mean([network.log_odds(features, class_index) for network in self.networks], axis=0)
            log_odds = (1 - self.network_share) * log_odds + self.network_share * networks
        return np.asarray(1 / (1 + np.exp(-np.clip(log_odds, -60, 60))))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "trees": self.trees.forest.to_dict(),
            "gains": self.trees.gains,
            "networks": [network.to_dict() for network in self.networks],
            "network_share": self.network_share,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Model":
        """Back from ``to_dict``."""
        trees = Trees(Forest.from_dict(values["trees"]), {str(k): float(v) for k, v in values["gains"].items()})
        networks = tuple(Network.from_dict(one) for one in values["networks"])
        if any(network.knots.shape[1] != trees.forest.features for network in networks):
            raise ValueError("networks and trees must know the same features, but they do not")
        return cls(trees, networks, float(values["network_share"]))


def fit_model(
    features: Features,
    class_index: IntArray,
    is_true: BoolArray,
    classes: int,
    settings: ModelSettings,
    seed: int = 0,
    threads: int = 1,
    go_on: Callable[[int], bool] = lambda grown: True,
) -> Model:
    """Fit to N candidates that are true or not; ``go_on`` is asked after each model of trees."""
    trees = grow(features, is_true, settings.trees, seed, threads, go_on)
    networks = tuple(
        train_network(features, class_index, is_true, classes, settings.network, seed + k)
        for k in range(settings.networks)
    )
    return Model(trees, networks, settings.network_share)
