"""Fusing the predictions of several members: WBF, NMS, Soft-NMS and NMW over flat columns."""

from bunri.fuse.methods import fuse
from bunri.fuse.options import CONF_TYPES, DECAYS, METHODS, FuseOptions

__all__ = ["CONF_TYPES", "DECAYS", "METHODS", "FuseOptions", "fuse"]
