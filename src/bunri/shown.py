"""How objects show themselves in a notebook: their HTML is made in a room above, loaded when it is asked for."""

from collections.abc import Mapping
from importlib import import_module

PICTURES: Mapping[str, str] = {
    "Dataset": "bunri.notebook.data:dataset_html",
    "Predictions": "bunri.notebook.data:predictions_html",
    "Evaluation": "bunri.notebook.scores:evaluation_html",
    "Comparison": "bunri.notebook.scores:comparison_html",
    "EnsembleRecipe": "bunri.notebook.scores:recipe_html",
    "SearchResult": "bunri.notebook.scores:search_html",
}
"""Class names and the function that makes their HTML, as ``module:function``."""


class Shown:
    """Base of what shows itself in a notebook."""

    def _repr_html_(self) -> str:
        module, _, function = PICTURES[type(self).__name__].partition(":")
        return str(getattr(import_module(module), function)(self))
