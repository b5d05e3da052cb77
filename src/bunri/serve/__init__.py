"""A page and an API on which a trained model looks at photos and says how to sort what lies there."""

from bunri.serve.running import serve
from bunri.serve.settings import ServeSettings
from bunri.serve.sorting_rules import SortingRules, read_rules

__all__ = ["ServeSettings", "SortingRules", "read_rules", "serve"]
