"""The arms of an experiment while they train: who is behind, and is given up."""

import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from bunri.config import EarlyStopping, Experiment
from bunri.events import Ended, Event, PhaseStarted, Scalars
from bunri.experiment.early_stopping import Curve, Verdict, median_rule
from bunri.experiment.plan import PlannedRun
from bunri.writers.jsonl import read_metrics

Race = tuple[str, int, int]
"""Runs that are compared: arms of one question, on the same fold with the same seed."""


class Arms:
    """Hears the validations of all runs, and tells which runs are to end.

    An arm that is behind in one run is given up in all of them, as no numbers of it can be joined any more. One of a
    question always stays. Calls may come from several threads.
    """

    def __init__(self, experiment: Experiment, runs: Sequence[PlannedRun]) -> None:
        """Take all runs of the plan; what is in their folders is heard first."""
        self._rule = experiment.early_stopping
        self._runs = {run.label: run for run in runs if self._rule is not None and run.model.arm_of is not None}
        self._steps, self._totals = dict[str, list[tuple[int, float, float]]](), dict[str, int]()
        self._given_up, self._begun = dict[str, Ended](), set[str]()
        self._over = {run.label for run in runs if run.action == "skip"}
        self._one_at_a_time = threading.Lock()
        for run in self._runs.values():
            self._steps[run.label] = _recorded(run) if run.action != "train" else []
            if run.action == "skip" and run.folder.status == "stopped_early":
                self._given_up[run.model.name] = Ended("stopped_early", run.folder.read_manifest().get("message", ""))

    def given_up(self, run: PlannedRun) -> Ended | None:
        """How a run that has not begun ends, as its arm has been given up; None where it may begin."""
        return self._given_up.get(run.model.name)

    def hear(self, run: PlannedRun, event: Event) -> Mapping[str, Ended]:
        """Take what a run says; gives runs that are to end now, by label, and how they end."""
        if self._rule is None or run.label not in self._runs:
            return {}
        with self._one_at_a_time:
            self._keep(run, event)
            if not isinstance(event, Scalars):
                return {}
            if (refused := _refused(run, event, self._steps[run.label])) is not None:
                return {run.label: refused}
            return self._judged(self._rule, run) if "val/mAP50" in event.values else {}

    def _keep(self, run: PlannedRun, event: Event) -> None:
        steps = self._steps[run.label]
        self._begun.add(run.label)
        if isinstance(event, Scalars) and math.isfinite(value := event.values.get("val/mAP50", math.nan)):
            steps.append((event.step, event.epoch, value))
        elif isinstance(event, PhaseStarted) and event.phase == "train":
            self._totals[run.label] = event.total
            self._steps[run.label] = [record for record in steps if record[0] <= event.step]  # it may have gone back
        elif isinstance(event, Ended):
            self._over.add(run.label)

    def _judged(self, rule: EarlyStopping, run: PlannedRun) -> dict[str, Ended]:
        """All that run beside it are judged as well: it may be the one that was missing to judge them."""
        rivals = [one for one in self._runs.values() if _race(one) == _race(run)]
        ends: dict[str, Ended] = {}
        for one in rivals:
            others = [self._curve(other) for other in rivals if other is not one]
            verdict = median_rule(self._curve(one), others, rule.grace_epochs, rule.min_others)
            if verdict is not None and self._may_end(one, rule):
                ends |= self._give_up(one, verdict)
        return ends

    def _curve(self, run: PlannedRun) -> Curve:
        return [(epoch, value) for _, epoch, value in self._steps[run.label]]

    def _may_end(self, run: PlannedRun, rule: EarlyStopping) -> bool:
        """Whether it still trains, may be given up, and is not the last of its question."""
        name, steps = run.model.name, self._steps[run.label]
        arms = {one.model.name for one in self._runs.values() if one.model.arm_of == run.model.arm_of}
        is_whole = steps[-1][0] >= self._totals.get(run.label, math.inf)
        trains = run.label in self._begun - self._over and not is_whole
        return trains and name not in {*rule.spare, *self._given_up} and len(arms - self._given_up.keys()) > 1

    def _give_up(self, run: PlannedRun, verdict: Verdict) -> dict[str, Ended]:
        facts, name = asdict(verdict), run.model.name
        self._given_up[name] = Ended("stopped_early", f"its run {run.label} was {verdict}", facts=facts)
        own = {run.label: Ended("stopped_early", str(verdict), facts=facts)}
        labels = [one.label for one in self._runs.values() if one.model.name == name and one.label not in self._over]
        return dict.fromkeys(labels, self._given_up[name]) | own


def _race(run: PlannedRun) -> Race:
    return run.model.arm_of or "", run.fold, run.seed


def _recorded(run: PlannedRun) -> list[tuple[int, float, float]]:
    """Validations in the folder of a run: step, epoch, mAP50."""
    rows = read_metrics(run.folder.metrics_file) if run.folder.metrics_file.exists() else []
    return [(int(row["step"]), row["epoch"], value) for row in rows if (value := row.get("val/mAP50")) is not None]


def _refused(run: PlannedRun, event: Scalars, validations: Sequence[object]) -> Ended | None:
    """The end of a run whose engine does not say what the rule needs, when two validations should have been."""
    steps_between = max(run.model.recipe.validate_every * event.step / event.epoch, 1.0) if event.epoch else math.inf
    if validations or event.step <= 2 * steps_between:
        return None
    return Ended(
        "failed",
        f"early_stopping needs val/mAP50 while {run.model.name} trains, but by epoch {event.epoch:g} none was "
        "reported: its held-out photos have no boxes, or its engine does not validate (docs/extending.md). Go on with "
        "--resume early_stopping=null",
        2,
    )


def stopped_early(runs: Iterable[PlannedRun]) -> dict[str, str]:
    """Models that an early-stopping rule gave up, and why, by what is in the folders of their runs."""
    found: dict[str, str] = {}
    for run in runs:
        manifest = run.folder.read_manifest()
        if manifest.get("status") == "stopped_early":
            found.setdefault(run.model.name, f"{run.label}: {manifest['message']}")
    return found


def not_whole(runs: Iterable[PlannedRun]) -> dict[str, str]:
    """Models without all their predictions, and why, when all runs are over that were to be run."""
    runs = list(runs)
    missing = {run.model.name: "given up before all its runs had begun" for run in runs if run.folder.status != "done"}
    return missing | stopped_early(runs)
