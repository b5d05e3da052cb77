"""The model of a native config: the layers of Ultralytics' model YAML, its own or the user's."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bunri.errors import ConfigError
from bunri.files import is_file
from bunri.settings import nearest, read_yaml

Architecture = dict[str, Any]
"""What a model YAML holds."""

KNOWN_KEYS = (
    "nc",
    "names",
    "scales",
    "scale",
    "depth_multiple",
    "width_multiple",
    "activation",
    "end2end",
    "reg_max",
    "channels",
    "ch",
    "inplace",
    "yaml_file",
    "backbone",
    "head",
)
"""Keys of a detection model's YAML. ``nc``, ``names`` and the channels are the data set's, whatever the file says."""

HEADS = ("Detect", "v10Detect", "RTDETRDecoder")
"""Last layers that find boxes in photos and nothing else."""

_NUMBER = r"(?:\w+\s*=\s*)?(?:-?\d+(?:\.\d*)?(?:e-?\d+)?|True|False|None)"
_ACTIVATION = re.compile(rf"(?:torch\.)?nn\.[A-Z]\w*\(\s*(?:{_NUMBER}(?:\s*,\s*{_NUMBER})*)?\s*,?\s*\)")

_OTHER_TASKS = re.compile(r"-(cls|seg|pose|obb|sem|depth|worldv?2?)|yoloe-")


def architecture_of(model: str, folder: Path) -> Architecture:
    """The layers a config's ``model`` names.

    Args:
        model: ``yolov8n.yaml`` (with or without its suffix) of Ultralytics, or a local file.
        folder: Where relative paths start; the working folder comes second.

    Raises:
        ConfigError: No such model, or a file that is none.
    """
    if "://" in model:
        raise ConfigError(f"model: must be a model of Ultralytics or a local file, but is the address {model}")
    path = local_file(model, folder)
    if path is not None:
        return with_scale(read_yaml(path, "the model"), path.stem, str(path))
    return _built_in(model)


def local_file(name: str, folder: Path) -> Path | None:
    """The file of a name, looked for in the config's folder and in the working folder."""
    places = (folder / name, Path(name))
    return next((place.absolute() for place in places if is_file(place)), None)


def built_in_models() -> list[str]:
    """Names of the detection models that come with Ultralytics, with their scale letters: ``yolov8n``."""
    from ultralytics.utils import ROOT

    files = sorted((ROOT / "cfg" / "models").rglob("*.yaml"))
    plain = [path for path in files if not _OTHER_TASKS.search(path.stem)]
    return [name for path in plain for name in _scaled_names(path)]


def _scaled_names(path: Path) -> list[str]:
    """``yolov8`` is read as ``yolov8n`` and so on; ``yolov9c`` and ``rtdetr-l`` have their letter in their name."""
    letters = re.findall(r"^  ([nslmx]): \[", path.read_text(), re.MULTILINE)
    if not letters or not re.fullmatch(r"yolo(v?\d+)(-\w+)*", path.stem):
        return [path.stem]
    return [re.sub(r"(\d+)", rf"\g<1>{letter}", path.stem, count=1) for letter in letters] + [path.stem]


def _built_in(model: str) -> Architecture:
    from ultralytics.nn.tasks import yaml_model_load

    name, known = model.removesuffix(".yaml").removesuffix(".yml"), built_in_models()
    if name not in known:
        raise ConfigError(
            f"model: {model!r} is neither a local file nor a detection model of Ultralytics{nearest(name, known)}"
        )
    values = dict(yaml_model_load(f"{name}.yaml"))
    return with_scale(values | {"yaml_file": f"{name}.yaml"}, name, name)


def with_scale(values: Mapping[str, Any], stem: str, source: str) -> Architecture:
    """A checked architecture whose scale is said; where nothing says it, Ultralytics takes the first.

    Raises:
        ConfigError: Unknown keys, layers Ultralytics does not have, or a model that does not detect.
    """
    from ultralytics.nn.tasks import guess_model_scale

    values = dict(values)
    check_architecture(values, source)
    values.setdefault("nc", 80)  # must be there for Ultralytics to put ours in its place
    scales = values.get("scales")
    if scales:
        scale = values.get("scale") or guess_model_scale(stem) or next(iter(scales))
        if scale not in scales:
            raise ConfigError(f"{source}: scale {scale!r} is unknown{nearest(str(scale), list(scales))}")
        values["scale"] = scale
    elif not values.get("scale"):
        values.pop("scale", None)
    return values


def check_architecture(values: Mapping[str, Any], source: str) -> None:
    """Refuse what is not a detection model of Ultralytics.

    Raises:
        ConfigError: Naming the key or layer, and the nearest known one.
    """
    for key in values:
        if key not in KNOWN_KEYS:
            raise ConfigError(f"{source}: {key}: unknown key of a model{nearest(str(key), KNOWN_KEYS)}")
    _check_activation(values.get("activation"), source)
    layers = [row for part in ("backbone", "head") for row in _rows(values, part, source)]
    for row in layers:
        _check_layer(row[2], source)
    if layers[-1][2] not in HEADS:
        raise ConfigError(
            f"{source}: must end in a layer that detects ({', '.join(HEADS)}), but ends in {layers[-1][2]}"
        )


def _check_activation(written: Any, source: str) -> None:
    """Ultralytics evaluates the activation as Python: it must make a module of ``torch.nn`` and nothing else."""
    if written is not None and _ACTIVATION.fullmatch(str(written)) is None:
        raise ConfigError(
            f"{source}: activation: must be a module of torch.nn with plain arguments, such as torch.nn.SiLU(), "
            f"got {written!r}"
        )


def _rows(values: Mapping[str, Any], part: str, source: str) -> list[Any]:
    rows = values.get(part)
    if not isinstance(rows, list) or not rows or not all(isinstance(row, list) and len(row) == 4 for row in rows):
        raise ConfigError(f"{source}: {part} must be a list of layers [from, repeats, module, arguments]")
    return rows


def _check_layer(name: Any, source: str) -> None:
    import torch
    import torchvision
    from ultralytics.nn import tasks

    if name == "TimmFeatures":
        from bunri.engines.ultralytics.layers import register

        register()
    for start, module in (("nn.", torch.nn), ("torchvision.ops.", torchvision.ops), ("", tasks)):
        if str(name).startswith(start):
            known = [key for key, value in vars(module).items() if _is_layer(value)]
            if str(name).removeprefix(start) not in known:
                raise ConfigError(f"{source}: layer {name!r} is unknown{nearest(str(name).removeprefix(start), known)}")
            return


def _is_layer(value: Any) -> bool:
    from torch import nn

    return isinstance(value, type) and issubclass(value, nn.Module)


def is_transformer(values: Mapping[str, Any]) -> bool:
    """Whether the model is an RT-DETR, which Ultralytics trains and reads photos for in its own way."""
    return bool(values["head"][-1][2] == "RTDETRDecoder")
