from pathlib import Path
from typing import Any

import pytest
import yaml

from bunri.engines.torchvision.config import read_config, resolve
from bunri.errors import ConfigError

NATIVE: dict[str, Any] = {
    "builder": "RetinaNet",
    "backbone": {"name": "test_resnet", "fpn": {"out_channels": 32}},
    "arguments": {"min_size": 64, "max_size": 96},
}


def _file(tmp_path: Path, values: object = NATIVE) -> Path:
    path = tmp_path / "model.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bulder": "RetinaNet"}, "bulder: unknown key; did you mean 'builder'"),
        ({"builder": "RetinaNett"}, "torchvision has no 'RetinaNett'; did you mean 'RetinaNet'"),
        ({"backbone": None}, "builder 'RetinaNet' needs `backbone`"),
        ({"builder": "retinanet_resnet50_fpn"}, "takes no `backbone`"),
        ({"arguments": {"min_sise": 64}}, "arguments.min_sise: RetinaNet takes no such; did you mean 'min_size'"),
        ({"arguments": {"num_classes": 5}}, "arguments.num_classes comes from the data set"),
        ({"backbone": {"name": "test_resnet", "fpn": {"outchannels": 3}}}, "did you mean 'out_channels'"),
    ],
)
def test_a_mistake_is_named_with_the_nearest_key(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_config(NATIVE | change, "model.yaml")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "builder",
    [
        "fasterrcnn_resnet50_fpn",
        "fasterrcnn_resnet50_fpn_v2",
        "fasterrcnn_mobilenet_v3_large_320_fpn",
        "retinanet_resnet50_fpn",
        "retinanet_resnet50_fpn_v2",
        "fcos_resnet50_fpn",
        "ssd300_vgg16",
        "ssdlite320_mobilenet_v3_large",
    ],
)
def test_every_detection_builder_takes_its_class_arguments(builder: str) -> None:
    thresh = "box_nms_thresh" if "rcnn" in builder else "nms_thresh"
    config = read_config({"builder": builder, "arguments": {"trainable_backbone_layers": 2, thresh: 0.6}}, "m.yaml")
    assert config.stages == ("two" if "rcnn" in builder else "one")


def test_overrides_change_the_text_and_nothing_else(tmp_path: Path) -> None:
    path = _file(tmp_path)
    config, resolved = resolve(path, {"arguments.min_size": 128, "backbone.fpn.extra_blocks": "LastLevelP6P7"})
    assert config.arguments == {"min_size": 128, "max_size": 96}
    before, after = yaml.safe_load(resolved.before), yaml.safe_load(resolved.after)
    assert before == NATIVE
    assert after["backbone"]["fpn"] == {"out_channels": 32, "extra_blocks": "LastLevelP6P7"}
    assert yaml.safe_load(path.read_text()) == NATIVE


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("argument.min_size", "unknown key 'argument'; did you mean 'arguments'"),
        ("arguments.min_sizes", "did you mean 'min_size'"),
        ("builder.name", "'builder' holds 'RetinaNet', not keys"),
        ("backbone.fpn.channels", "did you mean 'out_channels'"),
    ],
)
def test_an_unknown_override_names_the_nearest_key(tmp_path: Path, key: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve(_file(tmp_path), {key: 1})
    assert message in str(caught.value)


def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="must be a mapping of keys, but it is list"):
        resolve(_file(tmp_path, ["RetinaNet"]), {})
