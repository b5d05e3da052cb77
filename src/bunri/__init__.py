"""bunri: a lab for object detection.

The verbs of the package, each loaded when it is first used::

    dataset = bunri.load_dataset("annotations.json")
    predictions = [bunri.read_predictions(path, dataset) for path in paths]
    ensemble = bunri.fuse(predictions, method="wbf", iou=0.55)
    print(bunri.evaluate(ensemble, dataset).mAP50)
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bunri.evaluate import compare, evaluate
    from bunri.experiment import run
    from bunri.fuse import fuse
    from bunri.gain import gain
    from bunri.io import load_dataset, read_predictions
    from bunri.search import search

__all__ = ["compare", "evaluate", "fuse", "gain", "load_dataset", "read_predictions", "run", "search"]

_HOMES = {
    "compare": "bunri.evaluate",
    "evaluate": "bunri.evaluate",
    "fuse": "bunri.fuse",
    "gain": "bunri.gain",
    "load_dataset": "bunri.io",
    "read_predictions": "bunri.io",
    "run": "bunri.experiment",
    "search": "bunri.search",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'bunri' has no attribute {name!r}")
    home = import_module(_HOMES[name])
    return sys.modules[f"bunri.{name}"] if _is_module_of_verb(name) else getattr(home, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _is_module_of_verb(name: str) -> bool:
    """Whether a module is called like its verb, as ``bunri.fuse`` is, the home of ``fuse``."""
    return _HOMES.get(name) == f"bunri.{name}"


class _VerbModule(ModuleType):
    """A module called like its verb: ``bunri.fuse.methods`` is found in it, and ``bunri.fuse(...)`` calls the verb."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return getattr(self, self.__name__.rpartition(".")[2])(*arguments, **options)


class _Package(ModuleType):
    """This package: when Python's import puts a module of a verb into it, the module becomes callable."""

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType) and _is_module_of_verb(name):
            value.__class__ = _VerbModule
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
