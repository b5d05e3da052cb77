"""Learning rates under names: groups of the recipe's optimizer by their own, groups of a native one by their share."""

from collections.abc import Mapping, Sequence
from typing import Any


class RateNames:
    """Names of an optimizer's groups.

    MMEngine makes a group of every parameter where ``paramwise_cfg`` is set, hundreds of them; those of the same base
    rate are one here, ``base`` for the highest and ``x0.1`` for a tenth of it.
    """

    def __init__(self, groups: Sequence[Mapping[str, Any]]) -> None:
        """Name the groups once, before anything is scheduled."""
        highest = max((_base(group) for group in groups), default=0.0)
        named = [(_name(group, highest), index) for index, group in enumerate(groups)]
        self._first = dict(reversed(named))

    def values(self, groups: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """The rate of each name now."""
        return {f"lr/{name}": float(groups[index]["lr"]) for name, index in sorted(self._first.items())}


def _base(group: Mapping[str, Any]) -> float:
    return float(group.get("initial_lr", group["lr"]))


def _name(group: Mapping[str, Any], highest: float) -> str:
    if "name" in group:
        return str(group["name"])
    share = _base(group) / highest if highest else 1.0
    return "base" if share == 1.0 else f"x{share:.3g}"
