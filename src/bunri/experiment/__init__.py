"""An experiment from its file to its leaderboard: train every model on every fold, gather, evaluate, fuse."""

from bunri.experiment.estimating import TimedPlan
from bunri.experiment.leaderboard import Leaderboard, Row
from bunri.experiment.plan import PlannedRun
from bunri.experiment.running import Trained, dry_run, run, train

__all__ = ["Leaderboard", "PlannedRun", "Row", "TimedPlan", "Trained", "dry_run", "run", "train"]
