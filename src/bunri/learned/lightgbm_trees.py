"""Reading the trees of a LightGBM model into flat arrays.

The format is LightGBM's text (``Booster.model_to_string``): of each tree the splits ``0, 1, ...`` with children that
are splits, or leaves where they are negative (leaf ``-child - 1``). ``decision_type`` has bits: 1 categorical, 2 NaN
goes left, and in the two above what counts as missing: 0 nothing (NaN is read as 0), 1 zero, 2 NaN.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bunri.boxes import BoolArray, FloatArray
from bunri.learned.forest import LEAF, Float32Array, Forest

NAN_GOES_LEFT = 2
MISSING_SHIFT = 2
"""Above these bits of ``decision_type`` stands what counts as missing."""


class _Node(NamedTuple):
    feature: int
    number: float
    right: int
    unknown: int


def forest_of(models: Sequence[str], features: int) -> Forest:
    """The trees of all models, whose values add up to the mean of the models.

    Args:
        models: In LightGBM's text format, with numeric features only.
        features: How many features there are.
    """
    nodes: list[_Node] = []
    roots = []
    for model in models:
        for block in model.split("\nTree=")[1:]:
            roots.append(len(nodes))
            _add(_fields(block), 1.0 / len(models), nodes)
    columns = [np.array([node[k] for node in nodes]) for k in range(4)]
    return Forest(
        root=np.array(roots, np.int32),
        feature=columns[0].astype(np.int32),
        number=_single(columns[1], columns[0] != LEAF),
        right=columns[2].astype(np.int32),
        unknown=columns[3].astype(np.int32),
        features=features,
    )


def _fields(block: str) -> dict[str, list[float]]:
    names = ("split_feature", "threshold", "decision_type", "left_child", "right_child", "leaf_value")
    lines = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
    return {name: [float(part) for part in lines.get(name, "").split()] for name in names}


def _add(tree: dict[str, list[float]], share: float, nodes: list[_Node]) -> None:
    """Append the nodes of a tree, each before its children and the left one first."""
    waiting = [(0 if tree["split_feature"] else -1, -1)]
    while waiting:
        child, parent = waiting.pop()
        if parent >= 0:
            _join(nodes, parent)
        if child < 0:
            nodes.append(_Node(LEAF, share * tree["leaf_value"][-child - 1], 0, 0))
            continue
        threshold, decision = tree["threshold"][child], int(tree["decision_type"][child])
        left = bool(decision & NAN_GOES_LEFT) if decision >> MISSING_SHIFT else threshold >= 0
        waiting.append((int(tree["right_child"][child]), len(nodes)))
        waiting.append((int(tree["left_child"][child]), -1))
        nodes.append(_Node(int(tree["split_feature"][child]), threshold, 0, len(nodes) + 1 if left else 0))


def _join(nodes: list[_Node], parent: int) -> None:
    """The node that comes next is the right child of ``parent``."""
    node, right = nodes[parent], len(nodes)
    nodes[parent] = node._replace(right=right, unknown=node.unknown or right)


def _single(number: FloatArray, is_threshold: BoolArray) -> Float32Array:
    """Numbers in single precision; thresholds rounded down, so that single values fall on the side they fell on.

    The threshold between all known values and the unknown ones is infinite in LightGBM, the largest number here.
    """
    limits = np.finfo(np.float32)
    single = np.where(is_threshold, np.clip(number, limits.min, limits.max), number).astype(np.float32)
    down = is_threshold & (single > number)
    single[down] = np.nextafter(single[down], np.float32(-np.inf))
    return single
