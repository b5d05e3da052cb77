"""Whether arms are compared on an equal footing: each thing that could make the difference by itself, by name."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from bunri.boxes import IntArray
from bunri.hypotheses.building import Setting, Workshop
from bunri.hypotheses.file import DEFAULT_FOOTING, Footing, Hypothesis
from bunri.hypotheses.leaves import Facts
from bunri.hypotheses.scoring import Metric, Scorer

State = Literal["equal", "differs", "unknown", "allowed"]

FLOOR_TOLERANCE = 0.1
"""Share of the smallest effect that cutting at another member's floor may make of itself."""

ALIKE = 1.75
"""Floors of a smaller ratio are alike: the lowest of some scores is never quite the floor they were cut at."""

LEAST_TOLERANCE = 0.001
"""In points of the metric, where the smallest effect is a ratio or none."""


@dataclass(frozen=True)
class Check:
    """One thing held equal.

    Attributes:
        name: Of the thing.
        state: ``equal``, ``differs``, ``unknown`` (files do not say) or ``allowed`` to differ.
        values: What it is, by arm or member.
        reason: Why it may differ.
    """

    name: Footing
    state: State
    values: Mapping[str, str]
    reason: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def refusal(self, is_demanded: bool) -> str | None:
        """Why the comparison is refused; None where it is not."""
        told = "; ".join(f"{name}: {value}" for name, value in self.values.items())
        if self.state == "differs":
            return f"{self.name} must be equal, but {told}"
        if self.state == "unknown" and is_demanded:
            return f"{self.name} must be known to be equal, but {told}"
        return None


@dataclass(frozen=True, eq=False)
class Footings:
    """Checks one hypothesis in its setting."""

    hypothesis: Hypothesis
    setting: Setting
    metric: Metric
    scorer: Scorer
    only_common: bool

    @property
    def _workshop(self) -> Workshop:
        return self.scorer.workshop

    @property
    def _members(self) -> dict[str, tuple[str, ...]]:
        """Leaves of each arm of the effect, without their seeds."""
        arms = {name: self._workshop.leaves_of(name) for name in self.hypothesis.arm_names}
        return {name: tuple(dict.fromkeys(leaf.partition("@")[0] for leaf in leaves)) for name, leaves in arms.items()}

    @property
    def _leaves(self) -> list[str]:
        return list(dict.fromkeys(leaf for leaves in self._members.values() for leaf in leaves))

    @cached_property
    def checks(self) -> list[Check]:
        """All that is to be held equal, and what may differ."""
        named = dict.fromkeys([*(self.hypothesis.equal or DEFAULT_FOOTING), *self.hypothesis.unequal])
        return [self._check(name) for name in named]

    def refusals(self) -> list[str]:
        """Why the comparison is refused, one line a thing; none where it is fair."""
        demanded = self.hypothesis.equal or ()
        told = [check.refusal(check.name in demanded) for check in self.checks]
        return [refusal for refusal in told if refusal is not None]

    def _check(self, name: Footing) -> Check:
        looks: dict[Footing, Callable[[], tuple[State, Mapping[str, str]]]] = {
            "images": self._images,
            "folds": lambda: self._by_member(_folds(self.setting)),
            "leaks": self._leaks,
            "score_floor": self._score_floor,
            "tta": lambda: self._by_arm(lambda facts: None if facts.tta is None else ", ".join(facts.tta)),
            "iterations": lambda: self._by_arm(_iterations),
            "member_count": self._member_count,
        }
        state, values = looks[name]()
        reason = self.hypothesis.unequal.get(name)
        return Check(name, "allowed" if reason is not None and state != "equal" else state, values, reason)

    def _facts(self, leaf: str) -> Facts:
        return self._workshop.leaves[leaf].facts

    def _by_member(self, look: Callable[[Facts], str | None]) -> tuple[State, dict[str, str]]:
        known = {leaf: look(self._facts(leaf)) for leaf in self._leaves}
        return _state(known), _told(known)

    def _by_arm(self, look: Callable[[Facts], str | None]) -> tuple[State, dict[str, str]]:
        """What the members of each arm are made with; an arm with a member that is not known is not known."""
        known: dict[str, str | None] = {}
        for arm, leaves in self._members.items():
            values = [look(self._facts(leaf)) for leaf in leaves]
            told = sorted({value for value in values if value is not None})
            known[arm] = None if None in values else " and ".join(told)
        return _state(known), _told(known)

    def _images(self) -> tuple[State, dict[str, str]]:
        """All that a member looked at must be what the others did; of the common images that is true by itself."""
        seen = {leaf: self._seen(leaf) for leaf in self._leaves}
        if self.only_common:
            seen = {leaf: np.intersect1d(ids, self.setting.image_id) for leaf, ids in seen.items()}
        every = np.unique(np.concatenate(list(seen.values())))
        same = all(len(ids) == len(every) for ids in seen.values())
        return ("equal" if same else "differs"), {leaf: f"{len(ids)} of {len(every)}" for leaf, ids in seen.items()}

    def _seen(self, leaf: str) -> IntArray:
        """Images of the truth that every seed of a member looked at."""
        ids = self._workshop.truth.images.id
        for one in self._workshop.leaves[leaf].by_seed.values():
            ids = np.intersect1d(ids, one.seen_image_id)
        return np.asarray(ids)

    def _leaks(self) -> tuple[State, dict[str, str]]:
        found = {leaf: self._facts(leaf).leaked for leaf in self._leaves}
        counts = {
            leaf: None if ids is None else len(ids.intersection(self.setting.images)) for leaf, ids in found.items()
        }
        values = {leaf: "not known" if n is None else f"{n} judged images were learned" for leaf, n in counts.items()}
        if any(counts.values()):
            return "differs", values
        return ("unknown" if None in counts.values() else "equal"), values

    def _member_count(self) -> tuple[State, dict[str, str]]:
        known: dict[str, str | None] = {
            arm: str(len(self._workshop.leaves_of(arm))) for arm in self.hypothesis.arm_names
        }
        return _state(known), _told(known)

    def _score_floor(self) -> tuple[State, dict[str, str]]:
        """Floors are unlike where cutting a member at the highest one of all changes its score by itself."""
        lowest = {leaf: self._lowest(leaf) for leaf in self._leaves}
        highest = max(floor for floors in lowest.values() for floor in floors)
        changes = {leaf: self._change(leaf, highest, min(floors)) for leaf, floors in lowest.items()}
        values = {
            leaf: f"lowest score {min(lowest[leaf]):.3g}, cut at {highest:.3g} {change:+.4f}"
            for leaf, change in changes.items()
        }
        return ("differs" if max(map(abs, changes.values())) > self._tolerance else "equal"), values

    @property
    def _tolerance(self) -> float:
        smallest = 0.0 if self.hypothesis.is_ratio else FLOOR_TOLERANCE * abs(self.hypothesis.smallest_effect)
        return max(smallest, LEAST_TOLERANCE)

    def _lowest(self, leaf: str) -> list[float]:
        """The floors of a member in the arms it is in: that of its scores, or the arm's own where it is higher."""
        scores = [one.score for one in self._workshop.build(leaf, self.setting).values()]
        own = min(float(one.min(initial=1.0)) for one in scores)
        return [max(own, self._workshop.arms[arm].min_score) for arm, leaves in self._members.items() if leaf in leaves]

    def _change(self, leaf: str, highest: float, own: float) -> float:
        """Of the metric of a member when it is cut at the highest floor; of its first seed."""
        if highest <= ALIKE * own:
            return 0.0
        found = next(iter(self._workshop.build(leaf, self.setting).values()))
        values = [self.scorer.value(one, self.setting, self.metric) for one in (found, found.above(highest))]
        return values[1] - values[0]


def _folds(setting: Setting) -> Callable[[Facts], str | None]:
    """The partition of the judged images into folds, as a short digest."""

    def look(facts: Facts) -> str | None:
        if facts.fold is None:
            return None
        parts: dict[int, list[int]] = {}
        for image in setting.images:
            parts.setdefault(facts.fold.get(image, -1), []).append(image)
        digest = hashlib.sha256(repr(sorted(parts.values())).encode()).hexdigest()[:8]
        return f"{len(parts)} folds ({digest})"

    return look


def _iterations(facts: Facts) -> str | None:
    return None if facts.iterations is None else " and ".join(map(str, facts.iterations))


def _state(known: Mapping[str, str | None]) -> State:
    values = {value for value in known.values() if value is not None}
    if len(values) > 1:
        return "differs"
    return "unknown" if None in known.values() else "equal"


def _told(known: Mapping[str, str | None]) -> dict[str, str]:
    return {name: "not known" if value is None else value for name, value in known.items()}


def all_refusals(footings: Mapping[str, Footings]) -> Sequence[str]:
    """One line for each unlike thing of each hypothesis."""
    return [f"hypotheses.{name}: {line}" for name, one in footings.items() for line in one.refusals()]
