"""Decision trees as flat arrays: scored without the library that grew them, kept in JSON, and checked when read."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bunri.boxes import BoolArray, FloatArray
from bunri.compiled import compiled
from bunri.learned.text_arrays import array_to_text, text_to_array

Int32Array = NDArray[np.int32]
Float32Array = NDArray[np.float32]

LEAF = -1


@dataclass(frozen=True, eq=False)
class Forest:
    """T trees of together N nodes; a node's children come after it, the left one at once.

    Attributes:
        root: ``(T,)`` first node of each tree.
        feature: ``(N,)`` the feature a node asks for, ``LEAF`` where it asks none.
        number: ``(N,)`` highest value that goes left; of a leaf its value.
        right: ``(N,)`` the other child.
        unknown: ``(N,)`` the child where NaN goes.
        features: How many features there are.
    """

    root: Int32Array
    feature: Int32Array
    number: Float32Array
    right: Int32Array
    unknown: Int32Array
    features: int

    def __post_init__(self) -> None:
        if not self._is_whole():
            raise ValueError("trees must lead from each node to later ones and end in leaves")

    def _is_whole(self) -> bool:
        """Whether every walk ends in a leaf: children come later, so none can go round or out."""
        nodes = np.arange(len(self.feature))
        columns = (self.number, self.right, self.unknown)
        if any(len(column) != len(nodes) for column in columns) or not np.isfinite(self.number).all():
            return False
        split = self.feature != LEAF
        right, unknown = self.right[split], self.unknown[split]
        good: list[BoolArray] = [
            (self.root >= 0) & (self.root < len(nodes)),
            (self.feature >= LEAF) & (self.feature < self.features),
            (right > nodes[split] + 1) & (right < len(nodes)),
            (unknown == nodes[split] + 1) | (unknown == right),
        ]
        return all(bool(part.all()) for part in good)

    def total(self, values: Float32Array) -> FloatArray:
        """Sum of the trees' values ``(N,)`` at features ``(N, F)``, NaN where unknown.

        Raises:
            ValueError: The features are not those the trees ask for.
        """
        if values.shape[1] != self.features:
            raise ValueError(f"there must be {self.features} features, but there are {values.shape[1]}")
        result = np.zeros(len(values))
        columns = (self.root, self.feature, self.number, self.right, self.unknown)
        add_trees(np.ascontiguousarray(values, np.float32), *columns, result)
        return result

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        columns = ("root", "feature", "number", "right", "unknown")
        return {"features": self.features, **{name: array_to_text(getattr(self, name)) for name in columns}}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Forest":
        """Back from ``to_dict``.

        Raises:
            ValueError: The trees are not whole.
        """
        integers = {name: text_to_array(values[name], "int32") for name in ("root", "feature", "right", "unknown")}
        return cls(**integers, number=text_to_array(values["number"], "float32"), features=int(values["features"]))


@compiled
def add_trees(
    values: Float32Array,
    root: Int32Array,
    feature: Int32Array,
    number: Float32Array,
    right: Int32Array,
    unknown: Int32Array,
    result: FloatArray,
) -> None:
    """Add the value of every tree to ``result`` ``(N,)``; for the rest see ``Forest``."""
    for i in range(len(values)):
        total = 0.0
        for first in root:
            node = first
            while feature[node] != LEAF:
                value = values[i, feature[node]]
                if np.isnan(value):
                    node = unknown[node]
                elif value <= number[node]:
                    node = node + 1
                else:
                    node = right[node]
            total += number[node]
        result[i] += total
