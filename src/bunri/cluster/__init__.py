"""An experiment's runs on the nodes of a Ray cluster; see docs/cluster.md."""

from bunri.cluster.connecting import crew_on

__all__ = ["crew_on"]
