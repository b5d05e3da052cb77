"""The configs that come with each framework, as plain values; run with the Python of the frameworks."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class NativeConfig:
    """A config of a framework's zoo: what bunri is given, and the values the framework itself reads from it."""

    name: str
    file: Path
    values: Any


def leaves(values: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value with the keys that lead to it; empty mappings and lists are values."""
    if isinstance(values, Mapping) and values:
        for key, value in values.items():
            yield from leaves(value, (*place, str(key)))
    elif isinstance(values, list | tuple) and values:
        for row, value in enumerate(values):
            yield from leaves(value, (*place, str(row)))
    else:
        yield place, values


def keys_of(values: Any) -> frozenset[str]:
    """Dotted keys; the places of a list count as one."""
    return frozenset(".".join("[]" if part.isdigit() else part for part in place) for place, _ in leaves(values))


def written(values: Any) -> dict[tuple[str, ...], str]:
    """Values as text by place, so that tuples equal lists."""
    return {place: json.dumps(value, default=str) for place, value in leaves(values)}


def mmdetection_zoo(folder: Path) -> Iterator[NativeConfig]:
    """MMEngine configs with their bases; what no MMEngine can load is left out."""
    import mmdet
    from mmengine.config import Config

    root = Path(mmdet.__file__).parent / ".mim" / "configs"
    for file in sorted(root.rglob("*.py")):
        if "_base_" in file.parts:
            continue
        try:
            values = Config.fromfile(str(file)).to_dict()
        except Exception:  # a config is a program
            continue
        yield NativeConfig(str(file.relative_to(root)), file, values)


def detectron2_zoo(folder: Path) -> Iterator[NativeConfig]:
    """Yacs configs as the file and its bases say it, without the defaults of the framework."""
    from detectron2.config import CfgNode

    from bunri.engines.detectron2.zoo import zoo_folder, zoo_names

    for name in zoo_names():
        if name.endswith(".yaml"):
            file = zoo_folder() / name
            yield NativeConfig(name, file, decoded(CfgNode.load_yaml_with_base(str(file), allow_unsafe=True)))


def decoded(values: Any) -> Any:
    """Values as yacs takes them: text that is Python (``"(1, 2)"``) is what it says."""
    from detectron2.config import CfgNode

    if isinstance(values, Mapping):
        return {key: decoded(value) for key, value in values.items()}
    return CfgNode._decode_cfg_value(values)


def ultralytics_zoo(folder: Path) -> Iterator[NativeConfig]:
    """Files of models."""
    import ultralytics
    import yaml

    root = Path(ultralytics.__file__).parent / "cfg" / "models"
    for file in sorted(root.rglob("*.yaml")):
        yield NativeConfig(str(file.relative_to(root)), file, yaml.safe_load(file.read_text()))


def effdet_zoo(folder: Path) -> Iterator[NativeConfig]:
    """Models by name, with what each differs in from the defaults; a file for each is written."""
    from effdet.config.model_config import efficientdet_model_param_dict

    for name, values in efficientdet_model_param_dict.items():
        file = folder / f"{name}.yaml"
        file.write_text(f"model: {name}\n")
        yield NativeConfig(name, file, {key: value for key, value in values.items() if key != "name"})


ZOOS: Mapping[str, Callable[[Path], Iterator[NativeConfig]]] = {
    "mmdetection": mmdetection_zoo,
    "detectron2": detectron2_zoo,
    "ultralytics": ultralytics_zoo,
    "effdet": effdet_zoo,
}
