"""What came out of a file of hypotheses, and its shape as plain values."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bunri.hypotheses.contrasts import ArmScores, blocks_of
from bunri.hypotheses.estimates import Bounded, Estimate
from bunri.hypotheses.file import KINDS, HypothesesFile
from bunri.hypotheses.footing import Footings
from bunri.hypotheses.judging import Judgement
from bunri.hypotheses.leaves import Leaf
from bunri.hypotheses.ratios import Ratio

VERSION = 1
"""Of the shape of ``verdicts.json``."""


@dataclass(frozen=True, eq=False)
class Finding:
    """A claim with what the data say.

    Attributes:
        name: Its id.
        footings: The hypothesis, its images, metric and checks.
        scores: Of its arms.
        number: The effect with its chances.
        judgement: The verdict.
    """

    name: str
    footings: Footings
    scores: Mapping[str, ArmScores]
    number: Bounded
    judgement: Judgement

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        hypothesis, setting, metric = self.footings.hypothesis, self.footings.setting, self.footings.metric
        return {
            "id": self.name,
            "claim": hypothesis.claim,
            "effect": hypothesis.effect,
            "expect": hypothesis.expect,
            "smallest_effect": hypothesis.smallest_effect,
            "null": hypothesis.no_effect,
            "metric": metric.name,
            "classes": None if metric.names is None else list(metric.names),
            "images": len(setting.images),
            "units": metric.units,
            "boxes": metric.boxes,
            "floor": setting.floor,
            **asdict(self.judgement),
            "seeds": {name: len(scores.values) for name, scores in self.scores.items()},
            "errors": self._errors(),
            "arms": {name: _arm_values(scores) for name, scores in self.scores.items()},
            "gains": [_gain_values(gain) for gain in _gains(self.number)],
            "footing": [check.to_dict() for check in self.footings.checks],
            "notes": list(self.notes()),
        }

    def _errors(self) -> dict[str, float | None]:
        """Standard errors of the effect by source; of a ratio, those of the gain above the stroke."""
        estimate = next(_gains(self.number))
        seeds = math.sqrt(estimate.seeds.net) if estimate.seeds.seeds else None
        return {"images": None if math.isnan(estimate.image_error) else estimate.image_error, "seeds": seeds}

    def notes(self) -> Iterator[str]:
        """What a reader must know besides the numbers."""
        judged, metric = self.judgement, self.footings.metric
        if not blocks_of(self.scores, list(self.scores)):
            yield "one training of each model: the verdict is on these models, not on training them again"
        if isinstance(self.number, Ratio):
            yield from _ratio_notes(self.number, judged)
        if metric.names is not None and metric.units < FEW_UNITS:
            yield f"the boxes of {', '.join(metric.names)} are on {metric.units} images or groups only"
        if metric.units < 2:
            yield "one image, or group of them, tells no interval"
        lost = self._lost()
        if lost > 0:
            yield f"{lost:.1%} of the resamples have no box of these classes and are left out"
        unknown = [check.name for check in self.footings.checks if check.state == "unknown"]
        if unknown:
            yield f"not known to be equal: {', '.join(unknown)}"
        for check in self.footings.checks:
            if check.state == "allowed":
                yield f"{check.name} may differ: {check.reason}"

    def _lost(self) -> float:
        estimate = next(_gains(self.number))
        return 1 - len(estimate.defined) / len(estimate.samples)


FEW_UNITS = 20
"""Images of a class below which its interval is said to stand on few."""


def _gains(number: Bounded) -> Iterator[Estimate]:
    if isinstance(number, Ratio):
        yield from (number.above, number.below)
    elif isinstance(number, Estimate):
        yield number


def _ratio_notes(ratio: Ratio, judged: Judgement) -> Iterator[str]:
    if judged.value is None:
        yield f"the gain below the stroke is {ratio.below.value:+.4f}, not above 0: there is no ratio"
    if judged.low is None or judged.high is None:
        yield "the gain below the stroke may be 0, so that the interval of the ratio has an end without a bound"


def _arm_values(scores: ArmScores) -> dict[str, Any]:
    return {"score": float(scores.values.mean()), "by_seed": [float(value) for value in scores.values]}


def _gain_values(gain: Estimate) -> dict[str, Any]:
    ends = [end if math.isfinite(end) else None for end in (gain.low(PLAIN), gain.high(PLAIN))]
    return {"value": gain.value, "plain_low": ends[0], "plain_high": ends[1]}


PLAIN = 0.05
"""Level of the intervals of single gains."""


@dataclass(frozen=True, eq=False)
class Verdicts:
    """All claims of a file, judged.

    Attributes:
        path: The file.
        settings: What it says.
        findings: One for each hypothesis, in its order.
        leaves: The arms that are no ensembles.
    """

    path: Path
    settings: HypothesesFile
    findings: tuple[Finding, ...]
    leaves: Mapping[str, Leaf]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; ``docs/hypotheses.md`` describes them."""
        said = self.settings
        return {
            "version": VERSION,
            "name": said.name,
            "file": str(self.path),
            "truth": None if said.truth is None else str(said.truth),
            **{key: getattr(said, key) for key in ("groups", "error_rate", "resamples", "seed")},
            "power_wanted": said.power,
            "arms": {name: self._arm(name) for name in said.arms},
            "hypotheses": [finding.to_dict() for finding in self.findings],
        }

    def _arm(self, name: str) -> dict[str, Any]:
        arm = self.settings.arms[name]
        leaf = self.leaves.get(name)
        return {
            "kind": next(kind for kind in KINDS if getattr(arm, kind) is not None),
            "members": list(arm.members),
            "seeds": [] if leaf is None else sorted(leaf.by_seed),
            "runs": [] if leaf is None else list(leaf.facts.runs),
            "settings": arm.model_dump(mode="json", exclude_unset=True),
        }
