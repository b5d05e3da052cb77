from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import timm
import torch
from torch import Tensor, nn
from torchvision.models.detection import SSDLite320_MobileNet_V3_Large_Weights

from bunri.engines.norms import freeze_norms
from bunri.engines.torchvision.backbones import build_backbone
from bunri.engines.torchvision.builders import build_detector, mistakes_in, open_score_floor, scale_input
from bunri.engines.torchvision.config import BackboneConfig, DetectorConfig, read_config
from bunri.engines.torchvision.trying import mistakes_when_tried
from bunri.errors import ConfigError, EngineError

TINY = {"name": "test_resnet", "arguments": {"out_indices": [2, 3]}, "fpn": {"out_channels": 32, "extra_blocks": None}}
ANCHORS = {"class": "AnchorGenerator", "sizes": [[16], [32]], "aspect_ratios": [[1.0], [1.0]]}
ROI_ALIGN = {"class": "MultiScaleRoIAlign", "featmap_names": ["0", "1"], "output_size": 3, "sampling_ratio": 2}
BOXES = {"class": "DefaultBoxGenerator", "aspect_ratios": [[2], [2]]}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "FasterRCNN": {"rpn_anchor_generator": ANCHORS, "box_roi_pool": ROI_ALIGN, "min_size": 64, "max_size": 96},
    "RetinaNet": {"anchor_generator": ANCHORS, "min_size": 64, "max_size": 96},
    "FCOS": {"anchor_generator": ANCHORS, "min_size": 64, "max_size": 96},
    "SSD": {"anchor_generator": BOXES, "size": [64, 96]},
}


def _detector(builder: str, backbone: dict[str, Any] | None = None, **arguments: Any) -> nn.Module:
    values = {"builder": builder, "backbone": backbone or TINY, "arguments": ARGUMENTS[builder] | arguments}
    return build_detector(read_config(values, "model.yaml"), num_foreground=3)[0]


def _train_step(model: nn.Module) -> dict[str, Tensor]:
    target = {"boxes": torch.tensor([[8.0, 8.0, 40.0, 30.0]]), "labels": torch.tensor([3])}
    losses: dict[str, Tensor] = model.train()([torch.rand(3, 64, 96)], [target])
    return losses


@pytest.mark.parametrize("builder", ARGUMENTS)
def test_a_class_builder_over_a_timm_backbone_learns_and_predicts(builder: str) -> None:
    torch.manual_seed(0)
    model = _detector(builder)
    loss = torch.stack(list(_train_step(model).values())).sum()
    assert torch.isfinite(loss)
    torch.autograd.backward(loss)
    assert all(p.grad is not None for n, p in model.named_parameters() if "fpn" in n)
    with torch.no_grad():
        [found] = model.eval()([torch.rand(3, 64, 96)])
    assert set(found) == {"boxes", "scores", "labels"}
    assert found["labels"].numel() == 0 or int(found["labels"].max()) <= 3


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("test_convnext", {"out_indices": [1, 2]}),
        ("test_efficientnet", {"out_indices": [2, 3]}),
        ("swin_tiny_patch4_window7_224", {"out_indices": [1, 2], "embed_dim": 32, "depths": [1, 1, 2, 1]}),
    ],
)
def test_other_families_of_timm_feed_the_pyramid(name: str, arguments: dict[str, Any]) -> None:
    config = BackboneConfig.model_validate({**TINY, "name": name, "arguments": arguments})
    backbone, said = build_backbone(config)
    levels = backbone.eval()(torch.rand(2, 3, 64, 64))
    assert said == f"timm {name}: random"
    assert [tuple(level.shape[:2]) for level in levels.values()] == [(2, 32), (2, 32)]
    assert levels["0"].shape[2] == 2 * levels["1"].shape[2]


@pytest.mark.parametrize("builder", ["ssdlite320_mobilenet_v3_large", "fasterrcnn_mobilenet_v3_large_320_fpn"])
def test_a_function_builder_needs_no_network(builder: str) -> None:
    model, said = build_detector(DetectorConfig(builder=builder), num_foreground=3)
    assert said == f"torchvision {builder}: backbone random"
    targets = [{"boxes": torch.tensor([[8.0, 8.0, 40.0, 30.0]]), "labels": torch.tensor([3])}] * 2
    losses = model.train()([torch.rand(3, 64, 96)] * 2, targets)
    assert torch.isfinite(sum(losses.values(), torch.zeros(())))


def test_a_transformer_takes_photos_of_every_size() -> None:
    small = {"out_indices": [1, 2], "embed_dim": 32, "depths": [1, 1, 2, 1]}
    values = {**TINY, "name": "swin_tiny_patch4_window7_224", "arguments": small}
    backbone, _ = build_backbone(BackboneConfig.model_validate(values))
    assert [tuple(backbone(torch.rand(1, 3, *size))["1"].shape[2:]) for size in ((64, 96), (128, 64))] == [
        (4, 6),
        (8, 4),
    ]


def test_weights_of_torchvision_start_all_but_the_classifier(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "ssdlite320_mobilenet_v3_large"
    torch.manual_seed(1)
    trained, _ = build_detector(DetectorConfig(builder=name), num_foreground=90)
    enum: Any = SSDLite320_MobileNet_V3_Large_Weights
    monkeypatch.setattr(enum, "get_state_dict", lambda self, *given, **options: trained.state_dict())
    config = DetectorConfig(builder=name, arguments={"weights": "DEFAULT"})
    model, said = build_detector(config, num_foreground=3)
    theirs, ours = trained.state_dict(), model.state_dict()
    anew = [key for key in ours if not torch.equal(theirs[key], ours[key])] if ours.keys() == theirs.keys() else ["all"]
    assert anew
    assert all(key.startswith("head.classification_head.module_list") for key in anew)
    assert said == f"torchvision {name}: DEFAULT, {len(ours) - len(anew)} of {len(ours)} tensors"
    assert any(not parameter.requires_grad for parameter in model.parameters()) is False  # as torchvision has it


def test_weights_that_cannot_be_downloaded_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*given: Any, **options: Any) -> None:
        raise URLError("Name or service not known")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", unreachable)
    config = DetectorConfig(builder="ssdlite320_mobilenet_v3_large", arguments={"weights_backbone": "DEFAULT"})
    with pytest.raises(EngineError, match=r"must be downloaded, but: .*not known.*name a local file"):
        build_detector(config, num_foreground=3)


def test_every_wrong_value_of_a_config_is_found_before_training() -> None:
    values = {
        "builder": "FCOS",
        "backbone": {"name": "resnt50", "weights": "nowhere.pth"},
        "weights": "gone.pt",
        "arguments": {"anchor_generator": {"class": "AnchorGenerater"}, "min_size": 64},
    }
    assert [mistake.split(";")[0] for mistake in mistakes_in(read_config(values, "m.yaml"))] == [
        "arguments.anchor_generator.class: torchvision has no 'AnchorGenerater'",
        "weights: must be a file, but gone.pt is not there",
        "backbone.name: timm has no 'resnt50'",
        "backbone.weights: must be a file, but nowhere.pth is not there",
    ]
    packaged = {"builder": "FCOS", "backbone": {"name": "resnet50", "weights": "packaged"}}
    [mistake] = mistakes_in(read_config(packaged, "m.yaml"))
    assert mistake.startswith("backbone.weights: `packaged` must go with tf_efficientnet_lite0")
    assert mistakes_in(read_config({"builder": "FCOS", "backbone": {"name": "resnet50"}}, "m.yaml")) == ()


@pytest.mark.parametrize("builder", ARGUMENTS)
def test_what_fits_is_tried_without_a_word(builder: str) -> None:
    values = {"builder": builder, "backbone": TINY | {"weights": "timm"}, "arguments": ARGUMENTS[builder]}
    before = torch.get_rng_state()
    assert mistakes_when_tried(read_config(values, "m.yaml")) == ()  # without weights, so without a network
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {"rpn_anchor_generator": ANCHORS | {"sizes": [[16]], "aspect_ratios": [[1.0]]}},
            "the parts of FasterRCNN do not fit",
        ),
        ({"box_roi_pool": ROI_ALIGN | {"featmap_names": ["2", "3"]}}, "the parts of FasterRCNN do not fit"),
        ({"box_nms_thresh": "wide"}, "the parts of FasterRCNN do not fit: "),
        ({"box_roi_pool": None, "rpn_anchor_generator": 3}, "torchvision refuses the config of FasterRCNN"),
    ],
)
def test_parts_that_do_not_fit_are_found_before_training(arguments: dict[str, Any], words: str) -> None:
    values = {"builder": "FasterRCNN", "backbone": TINY, "arguments": ARGUMENTS["FasterRCNN"] | arguments}
    [mistake] = mistakes_when_tried(read_config(values, "m.yaml"))
    assert words in mistake


def test_extra_blocks_add_levels() -> None:
    fpn = {"out_channels": 32, "extra_blocks": "LastLevelP6P7"}
    backbone, _ = build_backbone(BackboneConfig.model_validate({**TINY, "fpn": fpn}))
    assert backbone.levels == len(backbone(torch.rand(1, 3, 64, 64))) == 4


def test_frozen_layers_do_not_learn() -> None:
    backbone, _ = build_backbone(BackboneConfig.model_validate({**TINY, "frozen_layers": ["conv1", "layer1"]}))
    frozen = {name for name, p in backbone.body.named_parameters() if not p.requires_grad}
    assert frozen
    assert all(name.startswith(("conv1", "layer1")) for name in frozen)
    everything, _ = build_backbone(BackboneConfig.model_validate({**TINY, "frozen_layers": ["*"]}))
    assert not any(p.requires_grad for p in everything.body.parameters())


def test_a_layer_that_is_not_there_is_named() -> None:
    config = BackboneConfig.model_validate({**TINY, "frozen_layers": ["layr1"]})
    with pytest.raises(ConfigError, match="test_resnet has no 'layr1'"):
        build_backbone(config)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "resnt50"}, "timm has no 'resnt50'; did you mean 'resnet50'"),
        ({"arguments": {"out_indices": [9]}}, "timm refuses them"),
    ],
)
def test_what_timm_does_not_know_is_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build_backbone(BackboneConfig.model_validate({**TINY, **values}))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"class": "AnchorGenerater"}, "no 'AnchorGenerater'; did you mean 'AnchorGenerator'"),
        ({"class": "AnchorGenerator", "size": [[1]]}, "takes no such; did you mean 'sizes'"),
        ({"class": "os.system"}, "torchvision has no 'os.system'"),
    ],
)
def test_an_object_argument_is_one_of_torchvision(argument: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _detector("RetinaNet", anchor_generator=argument)
    assert message in str(caught.value)


def test_what_torchvision_refuses_is_said_in_its_words() -> None:
    with pytest.raises(ConfigError, match="torchvision refuses the config of RetinaNet"):
        _detector("RetinaNet", anchor_generator=5)


def test_images_are_normalised_as_the_backbone_wants() -> None:
    model: Any = _detector("RetinaNet")
    body: Any = timm.create_model("test_resnet")
    assert model.transform.image_mean == list(body.default_cfg["mean"])
    named: Any = _detector("RetinaNet", image_mean=[0.0, 0.0, 0.0])
    assert tuple(named.transform.image_mean) == (0.0, 0.0, 0.0)


def test_folded_norms_are_the_same_function_without_norms() -> None:
    torch.manual_seed(0)
    body = timm.create_model("test_resnet", features_only=True).eval()
    for module in body.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)  # type: ignore[union-attr]
            module.running_var.uniform_(0.5, 2.0)  # type: ignore[union-attr]
    photo = torch.rand(2, 3, 64, 64)
    before = body(photo)
    freeze_norms(body, "folded")
    assert not any("Norm" in type(module).__name__ for module in body.modules())
    for old, new in zip(before, body.train()(photo), strict=True):
        torch.testing.assert_close(old, new, rtol=1e-4, atol=1e-5)


def test_frozen_norms_keep_their_statistics() -> None:
    body = timm.create_model("test_resnet", features_only=True)
    freeze_norms(body, "frozen")
    before = {k: v.clone() for k, v in body.state_dict().items() if "running" in k}
    body.train()(torch.rand(2, 3, 64, 64))
    assert before
    assert all(torch.equal(v, body.state_dict()[k]) for k, v in before.items())


@pytest.mark.parametrize("builder", ["FasterRCNN", "FCOS"])
def test_an_open_floor_gives_every_box(builder: str) -> None:
    torch.manual_seed(0)
    model = _detector(builder).eval()
    photo = torch.rand(3, 64, 96)
    open_score_floor(model, 0.99, 100)
    assert len(model([photo])[0]["scores"]) == 0
    open_score_floor(model, 0.0, 7)
    assert len(model([photo])[0]["scores"]) == 7


def test_the_size_the_model_sees_is_scaled() -> None:
    model: Any = _detector("FCOS")
    scale_input(model, 1.5)
    assert (model.transform.min_size, model.transform.max_size) == ((96,), 144)
    fixed: Any = _detector("SSD")
    scale_input(fixed, 0.5)
    assert tuple(fixed.transform.fixed_size) == (32, 48)


def test_weights_of_a_whole_detector_start_a_new_one(tmp_path: Path) -> None:
    first = _detector("FCOS")
    path = tmp_path / "detector.pt"
    torch.save({"model": first.state_dict()}, path)
    values = {"builder": "FCOS", "backbone": TINY, "arguments": ARGUMENTS["FCOS"], "weights": str(path)}
    second, said = build_detector(read_config(values, "model.yaml"), num_foreground=3)
    assert said.startswith("local file detector.pt: ")
    assert np.all([torch.equal(v, second.state_dict()[k]) for k, v in first.state_dict().items()])
