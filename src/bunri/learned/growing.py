"""Growing the trees of learned fusion with LightGBM."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bunri.boxes import BoolArray
from bunri.errors import MissingPackageError
from bunri.learned.features import Features
from bunri.learned.lightgbm_trees import forest_of
from bunri.learned.trees import FORESTS, Trees, TreeSettings

KINDS = (("objects", "named"), ("direct",), ("blind",))
"""What is asked by the first model, the second, the third, the fourth (as the first), and so on; see ``_Data``."""


@dataclass(frozen=True, eq=False)
class Labels:
    """What N candidates are.

    Attributes:
        is_true: ``(N,)`` true positives.
        on_object: ``(N,)`` those on an object of any class: the true ones and others.
    """

    is_true: BoolArray
    on_object: BoolArray


def grow(
    features: Features,
    labels: Labels,
    settings: TreeSettings,
    seed: int = 0,
    threads: int = 1,
    go_on: Callable[[int], bool] = lambda grown: True,
) -> Trees:
    """Fit trees to candidates.

    Args:
        features: Of N candidates.
        labels: What they are; at least one is on an object.
        settings: How the trees grow.
        seed: The models use the seeds ``seed``, ``seed + 1`` and so on.
        threads: Of LightGBM; the trees are the same.
        go_on: Is asked after each model, with their number; False ends it with those there are.
    """
    data, gains, count = _Data(features, labels, settings.bins), np.zeros(len(features.names)), 0
    models: dict[str, list[str]] = {name: [] for name in FORESTS}
    while count < settings.seeds:
        for question in KINDS[count % len(KINDS)]:
            booster = data.lightgbm.train(
                settings.parameters(seed + count, threads), data.of(question), settings.rounds
            )
            models["direct" if question == "blind" else question].append(booster.model_to_string())
            gains += booster.feature_importance("gain")
        count += 1
        if not go_on(count):
            break
    forests = {name: forest_of(models[name], len(features.names)) for name in FORESTS}
    shares = gains / max(gains.sum(), 1e-300)
    named = dict(zip(features.names, shares.tolist(), strict=True))
    return Trees(**forests, in_steps=len(models["named"]) / count, gains=named)


@dataclass(eq=False)
class _Data:
    """LightGBM's data for each question, made where it is asked first."""

    features: Features
    labels: Labels
    bins: int
    lightgbm: Any = field(default_factory=lambda: _lightgbm())
    made: dict[str, Any] = field(default_factory=dict)

    def of(self, question: str) -> Any:
        """The data of ``direct``, ``blind`` (the same question without classes), ``objects`` or ``named``."""
        if question not in self.made:
            features, answer = self._values(question)
            parameters = {"max_bin": self.bins, "verbosity": -1}
            self.made[question] = self.lightgbm.Dataset(features.values, answer.astype(np.float64), params=parameters)
        return self.made[question]

    def _values(self, question: str) -> tuple[Features, BoolArray]:
        on_object, is_true = self.labels.on_object, self.labels.is_true
        if question == "named":
            rows = np.flatnonzero(on_object)
            return self.features.take(rows), is_true[rows]
        if question == "direct":
            return self.features, is_true
        return self.features.without_classes(), on_object if question == "objects" else is_true


def _lightgbm() -> Any:
    try:
        import lightgbm
    except ImportError as error:
        raise MissingPackageError(
            "learned fusion needs LightGBM, but it is not installed. Install it with `pip install lightgbm`."
        ) from error
    return lightgbm
