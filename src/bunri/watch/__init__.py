"""Runs in the browser while they train: reads run folders, here or on another machine's disk, and nothing else."""

from bunri.watch.server import serve

__all__ = ["serve"]
