"""An experiment from its file to its leaderboard: train every model on every fold, gather, evaluate, fuse."""

from bunri.experiment.running import dry_run, run

__all__ = ["dry_run", "run"]
