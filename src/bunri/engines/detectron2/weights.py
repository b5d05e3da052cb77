"""Weights to start from, read as arrays only, so that none can run code."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from detectron2.checkpoint import DetectionCheckpointer

from bunri.engines.tensor_files import refuse_bomb
from bunri.errors import DataError, EngineError

_REASONS = (pickle.UnpicklingError, RuntimeError, ValueError, KeyError, TypeError, EOFError, AssertionError, IndexError)
"""What a broken or foreign file of weights raises."""


def load_weights(model: Any, source: str) -> str:
    """Put weights into a model as Detectron2 does; a sentence on what they were.

    Args:
        model: Layers of another shape (the classifier of other classes) start anew.
        source: Empty for none; a local file; or an address ``https://`` or ``detectron2://``.

    Raises:
        DataError: The file is absent, broken, holds more than arrays, or fits nothing of the model.
        EngineError: The address cannot be reached.
    """
    if not source:
        return "random"
    checkpointer = CarefulCheckpointer(model)
    if "://" not in source and not Path(source.split("?")[0]).is_file():
        raise DataError(f"the weights to start from must be a file or an address, but {source} is not there. {_NEXT}")
    try:
        checkpointer.load(source, checkpointables=[])
    except OSError as error:
        raise EngineError(f"the weights {source} must be reachable, but: {error}. {_NEXT}") from error
    except _REASONS as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise DataError(f"the weights {source} must be arrays of a whole file, but: {reason}. {_NEXT}") from error
    if not checkpointer.loaded:
        raise DataError(f"the weights {source} must fit the model, but no parameter of it is among them. {_NEXT}")
    kind = "" if "://" in source else "local file "
    return f"{kind}{Path(source).name if kind else source}: {checkpointer.loaded} of {checkpointer.total} parameters"


_NEXT = "Name a local file, or '' for random weights (MODEL.WEIGHTS; in a LazyConfig train.init_checkpoint)."


class CarefulCheckpointer(DetectionCheckpointer):
    """Detectron2's checkpointer, reading pickles as arrays only and counting what fitted.

    Attributes:
        loaded: Parameters of the model that were found.
        total: Parameters of the model.
    """

    loaded, total = 0, 0

    def _load_file(self, filename: str) -> Any:
        if filename.endswith(".pkl"):
            return _zoo_format(_ArraysOnly(Path(filename)).load())
        return super()._load_file(filename)

    def _torch_load(self, f: str) -> Any:
        refuse_bomb(Path(f))
        return torch.load(f, map_location="cpu", weights_only=True)

    def _load_model(self, checkpoint: Any) -> Any:
        incompatible = super()._load_model(checkpoint)
        learned = {name for name, _ in self.model.named_parameters()}
        self.loaded, self.total = len(learned - set(incompatible.missing_keys)), len(learned)
        return incompatible


def _zoo_format(stored: Any) -> dict[str, Any]:
    """Both formats of the zoo's pickles: Detectron2's own, and those of Caffe2, found by likeness of names."""
    if "model" in stored and "__author__" in stored:
        return dict(stored)
    arrays = stored.get("blobs", stored)
    arrays = {name: array for name, array in arrays.items() if not name.endswith("_momentum")}
    return {"model": arrays, "__author__": "Caffe2", "matching_heuristics": True}


class _ArraysOnly(pickle.Unpickler):
    """Reads plain values and numpy's arrays; anything else a pickle asks for is refused."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        super().__init__(self._file, encoding="latin1")

    def load(self) -> Any:
        with self._file:
            return super().load()

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        makers = {
            "_reconstruct": np.zeros(0).__reduce__()[0],
            "scalar": np.float32(0).__reduce__()[0],
            "ndarray": np.ndarray,
            "dtype": np.dtype,
        }
        if module_name.split(".")[0] == "numpy" and global_name in makers:
            return makers[global_name]
        if (module_name, global_name) in {("_codecs", "encode"), ("collections", "OrderedDict")}:
            return super().find_class(module_name, global_name)
        raise pickle.UnpicklingError(f"it asks for {module_name}.{global_name}, which is no array")
