"""The plan of an experiment in words."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bunri.experiment import PlannedRun, TimedPlan
    from bunri.experiment.estimating import Estimate


def plan_as_text(plan: "TimedPlan") -> str:
    """One line a run, and a last one with the time of all where it can be told."""
    lines = [_line(run, guess) for run, guess in zip(plan.runs, plan.estimates, strict=True)]
    if plan.seconds:
        lines.append(f"all in about {_minutes(plan.seconds)}")
    return "\n".join(lines)


def _line(run: "PlannedRun", guess: "Estimate | None") -> str:
    told = f"  about {_minutes(guess.seconds)}, as runs of {guess.source} took" if guess else ""
    return f"{run.action:9} {run.folder.path}{told}"


def _minutes(seconds: float) -> str:
    """Seconds in a unit that is easily read.

    >>> _minutes(42.0), _minutes(600.0), _minutes(86400.0)
    ('42 seconds', '10 minutes', '24.0 hours')
    """
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"
