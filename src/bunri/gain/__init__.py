"""What adding a member to an ensemble buys, what each member's share is, and whether error overlap foretells it."""

from bunri.gain.adding import AddedMember
from bunri.gain.measuring import gain
from bunri.gain.pairs import Pair
from bunri.gain.prediction import GainPrediction
from bunri.gain.report import GainReport
from bunri.gain.shares import Share, Shares
from bunri.gain.subset_values import VALUES

__all__ = ["VALUES", "AddedMember", "GainPrediction", "GainReport", "Pair", "Share", "Shares", "gain"]
