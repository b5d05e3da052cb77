"""Weights a config starts from: where it names them, whether they can be had, and how files are read.

MMEngine downloads what its names stand for (``torchvision://resnet50``, ``open-mmlab://...``, ``https://...``) as ever.
That is tried before anything trains, so that a missing network is told with the key of the config.
"""

import pickle
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bunri.engines.tensor_files import refuse_bomb
from bunri.errors import BunriError, ConfigError, DataError


def sources(values: Mapping[str, Any]) -> dict[str, str]:
    """Dotted keys of a config that name pretrained weights, and the names."""
    found = dict(_in_model(values.get("model", {}), "model"))
    if isinstance(values.get("load_from"), str):
        found["load_from"] = values["load_from"]
    return found


def _in_model(values: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(values, (list, tuple)):
        for index, value in enumerate(values):
            yield from _in_model(value, f"{place}.{index}")
    if not isinstance(values, Mapping):
        return
    if _is_pretrained(values):
        yield f"{place}.checkpoint", str(values["checkpoint"])
    if values.get("type") == "TimmFeatures" and values.get("weights") is not None:
        yield f"{place}.weights", f"timm {values['name']}, {values['weights']}"
    for key, value in values.items():
        yield from _in_model(value, f"{place}.{key}")


def _is_pretrained(values: Mapping[str, Any]) -> bool:
    kind = str(values.get("type", "")).rpartition(".")[2]
    return kind in ("Pretrained", "PretrainedInit") and values.get("checkpoint") is not None


def origin(values: Mapping[str, Any]) -> str:
    """One sentence on the weights a config starts from, for the manifest."""
    named = [f"{key} {name}" for key, name in sources(values).items()]
    return "; ".join(named) or "random"


def without(values: Any) -> Any:
    """A model that starts from no pretrained weights: it is about to be given those of a checkpoint."""
    if isinstance(values, (list, tuple)):
        return type(values)(
            without(value) for value in values if not (isinstance(value, Mapping) and _is_pretrained(value))
        )
    if not isinstance(values, Mapping):
        return values
    kept = {k: without(v) for k, v in values.items() if not (isinstance(v, Mapping) and _is_pretrained(v))}
    return {**kept, "weights": None} if kept.get("type") == "TimmFeatures" else kept


def check(values: Mapping[str, Any]) -> None:
    """Get all weights a config names, so that a training does not begin without them.

    Raises:
        ConfigError: A file is not there, or a download fails; the message has the key.
        DataError: A file holds more than tensors and plain values.
    """
    read_files_safely()
    from mmengine.runner.checkpoint import CheckpointLoader

    for key, name in sources(values).items():
        if key.endswith(".weights"):
            continue  # TimmFeatures loads its own when it is made
        try:
            CheckpointLoader.load_checkpoint(name, map_location="cpu")
        except BunriError as error:
            raise type(error)(f"{key}: {error}") from error
        except Exception as error:  # of the network, in whatever way it fails
            reason = str(error) or type(error).__name__
            raise ConfigError(
                f"{key}: the weights {name!r} must be downloaded, but that failed: {reason}. Connect to a network, "
                f"name a local file, or write {_switch(key)}=None for random weights."
            ) from error


def _switch(key: str) -> str:
    """The key to set to None: of ``init_cfg.checkpoint`` the whole ``init_cfg``."""
    return key.removesuffix(".checkpoint")


def read_files_safely() -> None:
    """Make MMEngine read files of weights without running code that may be in them."""
    from mmengine.runner.checkpoint import CheckpointLoader

    CheckpointLoader.register_scheme(prefixes="", loader=_local, force=True)


def _local(filename: str, map_location: Any = None) -> Any:
    import torch

    path = Path(filename).expanduser()
    if not path.is_file():
        raise ConfigError(f"weights must be a file, but {path} is not there. Check the path.")
    try:
        refuse_bomb(path)
        with torch.serialization.safe_globals(_plain_types()):
            return torch.load(path, map_location=map_location, weights_only=True)
    except Exception as error:  # whatever a broken or hostile file leads torch to
        raise DataError(
            f"weights {path} must hold tensors and plain values only, and be whole, but: {_reason(error)}. Save its "
            "`state_dict` alone, with torch.save."
        ) from error


def _reason(error: Exception) -> str:
    """Torch's long advice in short."""
    code = re.search(r"GLOBAL (\S+)", str(error))
    return f"it needs {code[1]}, which is code" if code else (str(error) or type(error).__name__).splitlines()[0]


def _plain_types() -> list[Any]:
    """What checkpoints of MMDetection's model zoo hold beside tensors: numpy's numbers, and histories of them."""
    import numpy as np
    from mmengine.logging import HistoryBuffer

    core: Any = np._core.multiarray  # type: ignore[attr-defined]
    numbers = [type(np.dtype(kind)) for kind in (np.float64, np.float32, np.int64, np.int32, np.uint32, np.bool_)]
    names = [
        (getattr(core, name), f"numpy.{where}.multiarray.{name}")
        for name in ("_reconstruct", "scalar")
        for where in ("core", "_core")
    ]
    return [HistoryBuffer, (_statistic, "builtins.getattr"), *names, np.ndarray, np.dtype, *numbers]


def _statistic(owner: Any, name: str) -> Any:
    """What a history asks ``getattr`` for, and nothing else."""
    from mmengine.logging import HistoryBuffer

    if owner is not HistoryBuffer or name.startswith("_"):
        raise pickle.UnpicklingError(f"GLOBAL {owner}.{name}")
    return getattr(owner, name)
