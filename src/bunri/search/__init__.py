"""The search for the best ensemble, and recipes that carry it to new predictions."""

from bunri.search.gains import Gain, gain
from bunri.search.nested import SearchResult, search
from bunri.search.recipe import EnsembleRecipe, apply_recipe, read_recipe, write_recipe

__all__ = [
    "EnsembleRecipe",
    "Gain",
    "SearchResult",
    "apply_recipe",
    "gain",
    "read_recipe",
    "search",
    "write_recipe",
]
