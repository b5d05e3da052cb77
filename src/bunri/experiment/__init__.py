"""An experiment from its file to its leaderboard: train every model on every fold, gather, evaluate, fuse."""

from bunri.experiment.leaderboard import Leaderboard, Row
from bunri.experiment.running import dry_run, run

__all__ = ["Leaderboard", "Row", "dry_run", "run"]
