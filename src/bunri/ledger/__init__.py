"""What a project has tried: every model and ensemble with its scores, cost and place, and what can be learned of it."""

from bunri.ledger.differences import differences
from bunri.ledger.entries import Entry
from bunri.ledger.insight import Insight, insight
from bunri.ledger.scanning import scan
from bunri.ledger.store import Ledger

__all__ = ["Entry", "Insight", "Ledger", "differences", "insight", "scan"]
