from pathlib import Path

import pytest

from bunri.cli.plan import plan_as_text
from bunri.config import load_experiment
from bunri.experiment import TimedPlan
from bunri.experiment.estimating import Estimate
from bunri.experiment.plan import planned_runs
from experiment_files import write_experiment


@pytest.mark.parametrize(
    ("seconds", "told"), [(42.0, "42 seconds"), (600.0, "10 minutes"), (86400.0, "24.0 hours"), (119.6, "120 seconds")]
)
def test_times_are_told_in_a_unit_that_is_easily_read(tmp_path: Path, seconds: float, told: str) -> None:
    first, second = planned_runs(load_experiment(write_experiment(tmp_path)))
    plan = TimedPlan((first, second), (Estimate(seconds, "this experiment"), None), None)
    assert plan_as_text(plan).splitlines() == [
        f"train     {first.folder.path}  about {told}, as runs of this experiment took",
        f"train     {second.folder.path}",
    ]


def test_the_last_line_is_the_time_of_all(tmp_path: Path) -> None:
    runs = planned_runs(load_experiment(write_experiment(tmp_path)))
    guess = Estimate(50.0, "another experiment")
    assert plan_as_text(TimedPlan(runs, (guess, guess), 100.0)).splitlines()[-1] == "all in about 100 seconds"
