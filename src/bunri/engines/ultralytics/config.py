"""The native config of the Ultralytics engine: a YAML as ``yolo cfg=my.yaml`` takes it, or a model's YAML alone."""

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bunri.engines.base import ResolvedConfig
from bunri.engines.ultralytics.architecture import Architecture, architecture_of, is_transformer, local_file, with_scale
from bunri.errors import ConfigError, DataError
from bunri.settings import nearest, read_yaml

OURS: Mapping[str, Any] = {
    "data": None,
    "project": None,
    "name": None,
    "save_dir": None,
    "exist_ok": False,
    "device": None,
    "workers": 8,
    "seed": 0,
    "val": True,
}
"""Keys that the experiment fills in, with Ultralytics' defaults; another value in the file is told of, and not used."""

REFUSED: Mapping[str, tuple[Any, str]] = {
    "task": ("detect", "this engine trains detectors"),
    "mode": ("train", "`bunri run` trains and predicts"),
    "cfg": (None, "name that file as the model's config itself"),
    "resume": (False, "`bunri run --resume` goes on with a run"),
    "time": (None, "say epochs or recipe.iterations"),
    "fraction": (1.0, "the folds say which photos are learned"),
    "split": ("val", "the folds say which photos are held out"),
    "classes": (None, "the classes are those of the data set"),
    "single_cls": (False, "the classes are those of the data set"),
    "rect": (False, "the order of the photos is the recipe's, so a batch holds photos of all shapes"),
    "augment": (False, "say the views in recipe.tta"),
    "save_json": (False, "predictions are written as parquet and convert to COCO JSON"),
    "save_period": (-1, "the best and the last checkpoint are kept"),
    "quantize": (None, "training with quantization is not supported here"),
    "distill_model": (None, "distillation is not supported here"),
}
"""Keys that would contradict the experiment: the only value they may have, and what to do instead."""


@dataclass(frozen=True)
class NativeConfig:
    """A native config read whole.

    Attributes:
        args: Every key of Ultralytics' ``default.yaml`` but ``model``.
        model: The layers.
        ignored: Keys the file gives in vain, with their values: the experiment fills them in.
    """

    args: dict[str, Any]
    model: Architecture
    ignored: Mapping[str, Any]

    @property
    def stages(self) -> str:
        """``transformer`` for RT-DETR, else ``one``."""
        return "transformer" if is_transformer(self.model) else "one"


def resolve(path: Path, overrides: Mapping[str, Any]) -> tuple[NativeConfig, ResolvedConfig]:
    """The config of a file with overrides by dotted key, and its text before and after.

    Raises:
        ConfigError: Unknown keys, values of the wrong type, or keys that contradict the experiment.
    """
    before = _read(path)
    plain = {key: value for key, value in overrides.items() if "." not in key}
    after = _whole({**before, **plain}, path)
    for dotted, value in overrides.items():
        if dotted not in plain:
            _override(after, dotted.split("."), value)
    after["model"] = with_scale(after["model"], "", f"{path} with overrides")
    config = _native_config(after, {*before, *plain}, path)
    return config, ResolvedConfig(before=_as_text(_whole(before, path)), after=_as_text(after))


def _read(path: Path) -> dict[str, Any]:
    values = read_yaml(path, "the model config")
    if "backbone" in values and "head" in values:
        return {"model": with_scale(values, path.stem, str(path))}
    if not values.get("model"):
        raise ConfigError(f"{path}: model must name a model (yolov8n.yaml) or a local file of one")
    return values


def _whole(values: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Every key Ultralytics has, checked by itself, with the model's layers in place of its name."""
    args, model = _checked({key: value for key, value in values.items() if key != "model"}, path), values["model"]
    if isinstance(args["pretrained"], str):
        args["pretrained"] = str(local_file(args["pretrained"], path.parent) or args["pretrained"])
    if isinstance(model, dict):
        return {"model": with_scale(model, "", str(path)), **args}
    if str(model).endswith(".pt"):
        return _of_checkpoint(str(model), args, path)
    return {"model": architecture_of(str(model), path.parent), **args}


def _of_checkpoint(model: str, args: dict[str, Any], path: Path) -> dict[str, Any]:
    """``model: best.pt`` is the checkpoint's layers and, unless ``pretrained: false``, its weights."""
    from bunri.engines.ultralytics.weights import architecture_in

    file = local_file(model, path.parent)
    if args["pretrained"] is True:
        args["pretrained"] = str(file or model)
    name = re.sub(r"^(yolov[35].*)u$", r"\1", Path(model).stem)  # Ultralytics' weights of YOLOv5 are yolov5nu.pt
    layers = architecture_in(file) if file is not None else architecture_of(name, path.parent)
    return {"model": with_scale(layers, name, model), **args}


def _checked(values: Mapping[str, Any], path: Path) -> dict[str, Any]:
    from ultralytics.cfg import DEFAULT_CFG_DICT, get_cfg
    from ultralytics.utils.checks import check_imgsz

    base = {**DEFAULT_CFG_DICT, "plots": False}  # the run's report draws; a file that asks for theirs gets them
    try:
        args = dict(vars(get_cfg(base, copy.deepcopy(dict(values)))))
        check_imgsz(args["imgsz"], max_dim=1)
    except SyntaxError as error:
        unknown = next((key for key in values if repr(key) in str(error)), str(error))
        raise ConfigError(f"{path}: {unknown}: unknown key{nearest(str(unknown), list(DEFAULT_CFG_DICT))}") from error
    except (TypeError, ValueError, ArithmeticError) as error:
        raise ConfigError(f"{path}: Ultralytics refuses it: {error}") from error
    return {key: value for key, value in args.items() if key != "model"}


def _override(values: dict[str, Any], keys: list[str], value: Any) -> None:
    """Set a key below ``model``; a number is a place in a list of layers."""
    if keys[0] != "model":
        raise ConfigError(f"set: {'.'.join(keys)}: {keys[0]!r} holds no keys; only `model` does")
    place: Any = values
    for key in keys[:-1]:
        place = place[_place(place, key, keys)]
    place[_place(place, keys[-1], keys)] = value


def _place(inside: Any, key: str, keys: list[str]) -> str | int:
    dotted = ".".join(keys)
    if isinstance(inside, list):
        if not key.lstrip("-").isdigit() or not -len(inside) <= int(key) < len(inside):
            raise ConfigError(f"set: {dotted}: {key!r} must be a place in a list of {len(inside)}")
        return int(key)
    if not isinstance(inside, dict):
        raise ConfigError(f"set: {dotted}: {key!r} is looked for in {inside!r}, which holds no keys")
    return key


def _native_config(whole: dict[str, Any], given: set[str], path: Path) -> NativeConfig:
    args = {key: value for key, value in whole.items() if key != "model"}
    for key, (allowed, instead) in REFUSED.items():
        if args.get(key) != allowed:
            raise ConfigError(f"{path}: {key} must be {allowed!r} here, but is {args[key]!r}: {instead}")
    if args["cache"] == "disk":
        raise ConfigError(f"{path}: cache: disk writes files beside the photos; use `ram`, or leave it out")
    if not (isinstance(args["device"], (int, str)) or args["device"] is None) or "," in str(args["device"]):
        raise ConfigError(f"{path}: device must be one device, but is {args['device']!r}: a worker trains on one")
    ignored = {key: args[key] for key, default in OURS.items() if key in given and args[key] != default}
    return NativeConfig(args, whole["model"], ignored)


class _Row(list[Any]):
    """A layer: written on one line, as Ultralytics' own files do."""


class _Dumper(yaml.SafeDumper):
    pass


_Dumper.add_representer(
    _Row, lambda dumper, row: dumper.represent_sequence("tag:yaml.org,2002:seq", list(row), flow_style=True)
)


def _as_text(values: Mapping[str, Any]) -> str:
    model = dict(values["model"])
    for part in ("backbone", "head"):
        model[part] = [_Row(row) for row in model[part]]
    if model.get("scales"):
        model["scales"] = {letter: _Row(factors) for letter, factors in model["scales"].items()}
    try:
        return str(yaml.dump({**values, "model": model}, Dumper=_Dumper, sort_keys=False, allow_unicode=True))
    except yaml.YAMLError as error:
        raise DataError(f"a model must hold plain values only, but: {error}") from error
