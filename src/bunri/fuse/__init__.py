"""Fusing the predictions of several members: WBF, NMS, Soft-NMS and NMW over flat columns."""

from bunri.fuse.methods import best_of_each_image, fuse, join_parts, one_of_several
from bunri.fuse.options import CONF_TYPES, DECAYS, METHODS, FuseOptions

__all__ = [
    "CONF_TYPES",
    "DECAYS",
    "METHODS",
    "FuseOptions",
    "best_of_each_image",
    "fuse",
    "join_parts",
    "one_of_several",
]
