import pickle
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from torch import nn

from bunri.engines.tensor_files import read_tensors
from bunri.engines.timm_bodies import BodyConfig
from bunri.engines.weights import (
    downloading,
    lite0_key_to_timm,
    load_backbone_weights,
    load_detector_weights,
    packaged_lite0,
)
from bunri.errors import ConfigError, DataError, EngineError


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("_conv_stem.weight", "conv_stem.weight"),
        ("_bn1.running_mean", "bn2.running_mean"),
        ("_fc.bias", "classifier.bias"),
        ("_blocks.0._depthwise_conv.weight", "blocks.0.0.conv_dw.weight"),  # stage 0 has one block
        ("_blocks.0._bn2.bias", "blocks.0.0.bn2.bias"),
        ("_blocks.1._expand_conv.weight", "blocks.1.0.conv_pw.weight"),
        ("_blocks.3._bn0.bias", "blocks.2.0.bn1.bias"),  # 1 + 2 blocks come before stage 2
        ("_blocks.15._project_conv.weight", "blocks.6.0.conv_pwl.weight"),  # the last of 16
    ],
)
def test_lite0_keys_map_to_timm(theirs: str, ours: str) -> None:
    assert lite0_key_to_timm(theirs) == ours


def test_a_seventeenth_block_is_refused() -> None:
    with pytest.raises(DataError, match="16 blocks"):
        lite0_key_to_timm("_blocks.16._bn0.bias")


def test_packaged_weights_fill_the_whole_classifier() -> None:
    model: Any = timm.create_model("tf_efficientnet_lite0")
    before = model.conv_stem.weight.clone()
    model.load_state_dict(packaged_lite0("tf_efficientnet_lite0"), strict=True)
    assert not torch.equal(before, model.conv_stem.weight)


def test_packaged_weights_go_with_lite0_only() -> None:
    with pytest.raises(ConfigError, match="must go with tf_efficientnet_lite0, but the backbone is resnet18"):
        packaged_lite0("resnet18")


def _tiny_backbone() -> nn.Module:
    model: nn.Module = timm.create_model("test_resnet", features_only=True)
    return model


def test_a_local_file_is_loaded_and_named(tmp_path: Path) -> None:
    source, target = _tiny_backbone(), _tiny_backbone()
    path = tmp_path / "backbone.pth"
    torch.save(source.state_dict(), path)
    said = load_backbone_weights(target, BodyConfig(name="test_resnet", weights=str(path)))
    assert said == "local file backbone.pth"
    for name, tensor in source.state_dict().items():
        assert torch.equal(tensor, target.state_dict()[name]), name


def test_weights_of_another_backbone_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    torch.save({"head.weight": torch.zeros(3)}, path)
    with pytest.raises(DataError, match="must have every tensor of the backbone"):
        load_backbone_weights(_tiny_backbone(), BodyConfig(name="test_resnet", weights=str(path)))


def test_detector_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.pt"
    torch.save({"model": {"something": torch.zeros(3)}}, path)
    with pytest.raises(DataError, match="only 0 of 2 tensors fit"):
        load_detector_weights(nn.Linear(2, 2), str(path))


def test_detector_weights_start_other_classes_anew(tmp_path: Path) -> None:
    path = tmp_path / "wide.pt"
    source: Any = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 5))
    torch.save(source.state_dict(), path)
    target: Any = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 3))
    fresh = target[1].weight.clone()
    assert load_detector_weights(target, str(path)) == "local file wide.pt: 2 of 4 tensors"
    assert torch.equal(target[0].weight, source[0].weight)
    assert torch.equal(target[1].weight, fresh)


class _Exploit:
    def __reduce__(self) -> tuple[Any, tuple[Path, str]]:
        return (Path.write_text, (Path(self.target), "owned"))

    def __init__(self, target: str) -> None:
        self.target = target


def test_a_malicious_checkpoint_does_not_run(tmp_path: Path) -> None:
    path, trace = tmp_path / "evil.pt", tmp_path / "trace"
    path.write_bytes(pickle.dumps(_Exploit(str(trace)), protocol=2))
    with pytest.raises(DataError, match="tensors and plain values only"):
        read_tensors(path, "the checkpoint")
    assert not trace.exists()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 broken zip"])
def test_a_broken_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.pt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"the checkpoint .*broken\.pt must hold"):
        read_tensors(path, "the checkpoint")


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent\.pt is not there"):
        read_tensors(tmp_path / "absent.pt", "weights")


def test_a_failed_download_says_what_else_there_is() -> None:
    words = (
        r"timm's weights of resnet18 must be downloaded, but: no route\. Where there is no network, name a local file"
    )
    with pytest.raises(EngineError, match=words), downloading("timm's weights of resnet18"):
        raise ConnectionError("no route.")
