"""Claims as data: what is compared, what is held equal, and a verdict with its uncertainty."""

from bunri.hypotheses.testing import judge, plan
from bunri.hypotheses.verdicts import Finding, Verdicts

__all__ = ["Finding", "Verdicts", "judge", "plan"]
