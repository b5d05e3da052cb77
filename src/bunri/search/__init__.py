"""The search for the best ensemble, and recipes that carry it to new predictions."""

from bunri.search.nested import search
from bunri.search.recipe import EnsembleRecipe, apply_recipe, read_recipe, write_recipe
from bunri.search.result import SearchResult

__all__ = [
    "EnsembleRecipe",
    "SearchResult",
    "apply_recipe",
    "read_recipe",
    "search",
    "write_recipe",
]
