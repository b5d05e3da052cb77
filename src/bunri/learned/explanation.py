"""What a fitted fusion looks at: the share of the trees' gain of each feature, member and view."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Explanation:
    """Shares of the gain; each of the three sums to 1.

    Attributes:
        features: By name, the largest first.
        members: By name of the member; what is of all members at once (clusters, neighbours, shapes) is ``shared``.
        views: By view: ``all``, ``member``, ``place``, ``spread``, ``rivals``, ``structure``, ``image``, ``shape``.
    """

    features: dict[str, float]
    members: dict[str, float]
    views: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"features": self.features, "members": self.members, "views": self.views}

    def __str__(self) -> str:
        top = ", ".join(f"{name} {share:.0%}" for name, share in list(self.features.items())[:5])
        members = ", ".join(f"{name} {share:.0%}" for name, share in self.members.items())
        return f"gain by feature: {top}; by member: {members}"


def explain_gains(gains: Mapping[str, float], members: tuple[str, ...]) -> Explanation:
    """Sum the gain of the features, whose names are ``view: number`` or ``member NAME: number``."""
    of_members, of_views = dict.fromkeys(members, 0.0), dict[str, float]()
    shared = 0.0
    for name, share in gains.items():
        view = name.rpartition(": ")[0]
        member = view.removeprefix("member ") if view.startswith("member ") else None
        of_views["member" if member else view] = of_views.get("member" if member else view, 0.0) + share
        if member:
            of_members[member] += share
        else:
            shared += share
    return Explanation(_falling(gains), {**of_members, "shared": shared}, _falling(of_views))


def _falling(shares: Mapping[str, float]) -> dict[str, float]:
    return dict(sorted(shares.items(), key=lambda item: -item[1]))
