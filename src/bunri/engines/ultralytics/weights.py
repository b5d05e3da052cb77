"""Weights to start from: Ultralytics' ``.pt`` files, read so that they build known layers and run no stranger's code.

A ``.pt`` file of Ultralytics is a pickle of model objects. It is read with Ultralytics' own restricted loader, which
allows only torch's and Ultralytics' layers; a file that needs more is refused.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from bunri.engines.tensor_files import read_tensors, refuse_bomb
from bunri.errors import BunriError, DataError, EngineError


@dataclass(frozen=True)
class Pretrained:
    """What a weights file holds.

    Attributes:
        module: A model object, where it is a file of Ultralytics'; its loader fits heads by class name.
        tensors: Tensors by name.
        origin: A sentence for the run's manifest.
    """

    module: Any
    tensors: Mapping[str, Tensor]
    origin: str


def pretrained(name: str) -> Pretrained:
    """The weights a config's ``pretrained`` names: a local file, or an asset of Ultralytics, which is downloaded.

    Raises:
        DataError: A file that is broken or holds more than layers and tensors.
        EngineError: It cannot be downloaded.
    """
    path = Path(name)
    if not path.is_file():
        path = _downloaded(name)
    stored = _content(path)
    module = _module_of(stored)
    tensors = stored.get("model", stored) if module is None else module.float().state_dict()
    return Pretrained(module, tensors, f"file {path.name}")


def architecture_in(path: Path) -> dict[str, Any]:
    """The layers of an Ultralytics checkpoint.

    Raises:
        DataError: The file holds tensors only, or is none of Ultralytics.
    """
    module = _module_of(_content(path))
    if module is None:
        raise DataError(
            f"model: {path} must be a checkpoint of Ultralytics with its layers, but holds tensors only. "
            f"Name the layers in `model:` (yolov8n.yaml) and this file in `pretrained:`."
        )
    return {key: value for key, value in copy.deepcopy(module.yaml).items() if key not in ("yaml_file", "channels")}


def _content(path: Path) -> dict[str, Any]:
    """What a file holds: tensors and plain values, or the objects Ultralytics' restricted loader allows."""
    from ultralytics.nn.tasks import torch_safe_load

    try:
        return read_tensors(path, "pretrained")
    except DataError:
        pass  # it may hold layers
    try:
        refuse_bomb(path)
        return dict(torch_safe_load(path, safe_only=True)[0])
    except Exception as error:  # whatever a broken or hostile file leads to
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise DataError(
            f"weights {path} must be a whole file of Ultralytics' layers or of tensors only, but: {reason}. "
            "A file that needs other code is not loaded."
        ) from error


def _module_of(stored: Mapping[str, Any]) -> Any:
    """The model object of a file, the averaged one first, None where it holds tensors only."""
    found = [stored.get(key) for key in ("ema", "model")]
    return next((value for value in found if isinstance(value, nn.Module)), None)


def _downloaded(name: str) -> Path:
    import torch
    from ultralytics.utils.checks import check_yolov5u_filename
    from ultralytics.utils.downloads import GITHUB_ASSETS_NAMES, attempt_download_asset

    path = Path(torch.hub.get_dir()) / "checkpoints" / check_yolov5u_filename(Path(name).name)
    if path.name not in GITHUB_ASSETS_NAMES:
        raise DataError(
            f"pretrained: {name} must be a local file or an asset of Ultralytics (yolov8n.pt), but is neither. "
            "Check the path."
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return Path(attempt_download_asset(path, retry=0, progress=False))
    except BunriError:
        raise
    except Exception as error:  # of requests, of the disk, of Ultralytics itself
        raise EngineError(
            f"pretrained: {name} must be downloaded, but: {str(error).splitlines()[0]}. "
            "Name a local file of these weights, or say `pretrained: false` to start from random ones."
        ) from error


def load_fitting(model: Any, weights: Pretrained) -> int:
    """Put tensors of the same name and shape into a model; how many there were.

    Raises:
        DataError: Fewer than half of the model's fit: they are of another model.
    """
    wanted = model.state_dict()
    fitting = {k: v for k, v in weights.tensors.items() if k in wanted and wanted[k].shape == v.shape}
    if len(fitting) < len(wanted) / 2:
        raise DataError(
            f"pretrained: {weights.origin} must be of this model, but {len(fitting)} of its {len(wanted)} tensors fit. "
            "Choose weights of the same architecture and scale."
        )
    model.load_state_dict(fitting, strict=False)
    return len(fitting)
