"""H8: how many of the frameworks' own configs load through one rigid schema, and through bunri.

    PYTHONPATH=src BUNRI_ENGINES=... <python of the frameworks> benchmarks/rigid_schema.py OUT.json [--every N]

The rigid schema knows the keys of configs that were seen before, as one YAML or one set of dataclasses for all
models does. Two of them: the keys of one config of each framework (its Faster R-CNN, or its usual model), and, most
generously, the keys of all other configs of that framework's zoo. A strict schema fails on another key, a lenient one
drops it in silence. Through bunri each config goes as it is; what comes back is compared with what the framework reads,
value by value; then one key is misspelt as an override, in bunri and in the framework alone.
"""

import argparse
import json
import logging
import statistics
import tempfile
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from native_configs import ZOOS, NativeConfig, keys_of, leaves, written
from numpy.typing import NDArray

from bunri.engines.base import Engine, ResolvedConfig, engine_by_name
from bunri.errors import BunriError, ConfigError

USUAL = {
    "mmdetection": "faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py",
    "detectron2": "COCO-Detection/faster_rcnn_R_50_FPN_1x.yaml",
    "ultralytics": "v8/yolov8.yaml",
    "effdet": "tf_efficientdet_d0",
}
"""The config of each framework that people begin with."""


LARGE = 100

UNNAMED: list[str] = []
"""Some refusals of misspelt keys that name another key, or none."""


def through_schema(zoo: Sequence[NativeConfig], usual: str) -> dict[str, Any]:
    """What a schema of one config, and one of all other configs, does to the configs of a zoo."""
    keys = {config.name: keys_of(config.values) for config in zoo}
    seen = Counter(key for own in keys.values() for key in own)
    lost_by_one = {name: own - keys[usual] for name, own in keys.items() if name != usual}
    lost_by_others = {name: {key for key in own if seen[key] == 1} for name, own in keys.items()}
    return {
        "configs": len(zoo),
        "keys": len(seen),
        "keys_of_usual": len(keys[usual]),
        "fail_by_one": sum(map(bool, lost_by_one.values())),
        "judged_by_one": len(lost_by_one),
        "median_share_lost": statistics.median(len(lost) / len(keys[name]) for name, lost in lost_by_one.items()),
        "fail_by_others": sum(map(bool, lost_by_others.values())),
        "growth": growth(list(keys.values())),
    }


def growth(keys: Sequence[frozenset[str]]) -> list[tuple[int, float]]:
    """Of schemas made of 1, 2, 4, ... configs drawn at random: the share of the others that load whole, in percent."""
    random = np.random.default_rng(0)
    sizes = [size for size in (2**k for k in range(12)) if size < len(keys)]
    return [
        (size, float(np.mean([_loading(keys, random.permutation(len(keys)), size) for _ in range(20)])))
        for size in sizes
    ]


def _loading(keys: Sequence[frozenset[str]], order: NDArray[np.int64], size: int) -> float:
    known = frozenset().union(*(keys[row] for row in order[:size]))
    return 100 * float(np.mean([keys[row] <= known for row in order[size:]]))


def values_of(engine: str, resolved: ResolvedConfig) -> Any:
    """A resolved config as plain values."""
    if engine == "mmdetection":
        from mmengine.config import Config

        return Config.fromstring(resolved.before, ".py").to_dict()
    values = yaml.safe_load(resolved.before)
    return values["model"] if engine == "ultralytics" else values


def lost_values(engine: str, config: NativeConfig, resolved: ResolvedConfig) -> list[str]:
    """Values that the framework reads from a config and that are not in what bunri made of it."""
    after = written(values_of(engine, resolved))
    return [".".join(place) for place, text in written(config.values).items() if after.get(place) != text]


def misspelt(config: NativeConfig) -> tuple[str, str, Any] | None:
    """A key with a letter left out, the key as it is, and its value: the last key of at least five letters."""
    for place, value in reversed(list(leaves(config.values))):
        if len(place[-1]) >= 5 and not any(part.isdigit() or "." in part for part in place):
            wrong = place[-1][:2] + place[-1][3:]
            return ".".join((*place[:-1], wrong)), place[-1], value
    return None


def through_bunri(engine: str, zoo: Sequence[NativeConfig]) -> dict[str, Any]:
    """Loaded with no value lost, refused with a reason; and misspelt keys refused with the nearest one."""
    door = engine_by_name(engine)
    found: Counter[str] = Counter(configs=len(zoo))
    refusals: Counter[str] = Counter()
    examples: dict[str, Any] = {}
    for config in zoo:
        try:
            resolved = door.resolve(config.file, {})
        except BunriError as error:
            found["refused"] += 1
            refusals[reason_of(error)] += 1
            continue
        lost = lost_values(engine, config, resolved)
        found["loaded"] += 1
        found["loaded_whole"] += not lost
        examples |= {config.name: lost[:5]} if lost and len(examples) < 5 else {}
        found.update(misspelling(door, config))
    return {**found, "refusals": dict(refusals.most_common(12)), "lost": examples}


def misspelling(door: Engine, config: NativeConfig) -> Counter[str]:
    """Whether a misspelt override is refused, and whether the nearest key is named."""
    spelt = misspelt(config)
    if spelt is None:
        return Counter()
    wrong, right, value = spelt
    try:
        door.resolve(config.file, {wrong: value})
    except ConfigError as error:
        named = repr(right) in str(error)
        if not named and len(UNNAMED) < 8:
            UNNAMED.append(f"{config.name}: {str(error).splitlines()[-1].strip()}")
        return Counter(misspelt=1, misspelt_refused=1, misspelt_named=int(named))
    return Counter(misspelt=1)


def reason_of(error: BunriError) -> str:
    """The kind of a refusal: its first mistake without the place and the names in it."""
    lines = str(error).splitlines()
    text = lines[1] if len(lines) > 1 else lines[0]
    return " ".join(text.split(": ", 1)[-1].split())[:90]


def taken_by_framework(engine: str, zoo: Sequence[NativeConfig]) -> dict[str, int] | None:
    """How many of the misspelt keys the framework takes in silence by its own way of overriding."""
    takers = {"mmdetection": _mmengine_takes, "detectron2": _yacs_takes, "effdet": _effdet_takes}
    if engine not in takers:
        return None
    spelt = [(config, misspelt(config)) for config in zoo]
    taken = [takers[engine](config, one[0], one[2]) for config, one in spelt if one is not None]
    return {"misspelt": len(taken), "taken": sum(taken)}


def _mmengine_takes(config: NativeConfig, key: str, value: Any) -> bool:
    from mmengine.config import Config

    Config(dict(config.values)).merge_from_dict({key: value})
    return True


def _yacs_takes(config: NativeConfig, key: str, value: Any) -> bool:
    from detectron2.config import get_cfg

    try:
        get_cfg().merge_from_list([key, value])
    except (KeyError, AssertionError):
        return False
    return True


def _effdet_takes(config: NativeConfig, key: str, value: Any) -> bool:
    from effdet.config import get_efficientdet_config

    get_efficientdet_config(config.name).update({key: value})
    return True


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("out", type=Path)
    asked.add_argument("--every", type=int, default=1, help="bunri looks at every n-th config of a large zoo")
    given = asked.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    report: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        for engine, zoo_of in ZOOS.items():
            zoo = list(zoo_of(Path(name)))
            some = zoo[:: given.every] if len(zoo) > LARGE else zoo
            report[engine] = {
                "schema": through_schema(zoo, USUAL[engine]),
                "bunri": through_bunri(engine, some),
                "alone": taken_by_framework(engine, some),
                "unnamed": UNNAMED[:],
            }
            UNNAMED.clear()
            given.out.write_text(json.dumps(report, indent=1))
            print(engine, json.dumps(report[engine]), flush=True)


def _check(usual: Mapping[str, str]) -> None:
    assert usual.keys() == ZOOS.keys()


if __name__ == "__main__":
    _check(USUAL)
    main()
