"""What opens an export, with the smallest networks there are: their scores and boxes are means of a photo's colours."""

import hashlib
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import openvino
import torch
from onnx import TensorProto, helper, numpy_helper

from bunri.engines.exported.model import open_export
from bunri.photos import Photo

_SPEC: Mapping[str, Any] = {
    "kind": "bunri-export",
    "format": 1,
    "precision": "float32",
    "pixels": {"min_side": 64, "max_side": 96, "fixed": [96, 64], "mean": [0.5] * 3, "std": [0.5] * 3, "divisible": 1},
    "detector": {
        "kind": "one_stage",
        "anchors": {"kind": "cells", "boxes": [[[-16, -16, 16, 16]]]},
        "scores": "softmax",
        "boxes": "offsets",
        "weights": [10.0, 10.0, 5.0, 5.0],
        "candidates": 400,
        "candidates_of": "class",
        "suppression": {"iou": 0.45, "max_boxes": 100},
    },
    "class_names": ["Paper", "Metal"],
    "category_ids": [3, 5],
    "tta": {"views": [{"turn": "identity", "scale": 1.0}], "method": "wbf", "iou": 0.6},
    "score_floor": 0.01,
    "max_boxes": 100,
    "source": {"model": "tiny", "engine": "torchvision", "seed": 0, "checkpoint_sha256": "0" * 64, "versions": {}},
}
OUTPUTS = ("scores", "boxes", "level_0")
_SUFFIXES = {"onnx": ".onnx", "openvino": ".xml", "torchscript": ".pt"}


def spec_of(runtime: str, network: bytes, weights: bytes | None = None) -> bytes:
    """The JSON of an export of one network, its hashes those of the contents."""
    facts = {"name": f"model{_SUFFIXES[runtime]}", "sha256": hashlib.sha256(network).hexdigest()}
    networks = {"network": facts | {"inputs": ["images"], "outputs": list(OUTPUTS)}}
    values = {**_SPEC, "runtime": runtime, "networks": networks}
    if weights is not None:
        values["weights"] = {"network": {"name": "model.bin", "sha256": hashlib.sha256(weights).hexdigest()}}
    return json.dumps(values).encode()


def look(path: Path) -> object:
    """Open the export of a file and let it look at a photo."""
    photo: Photo = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    return open_export(path, threads=1)([photo], 1.0)


def reads_network(runtime: str) -> Callable[[Path], object]:
    """Opens a network whose export says that it is the very one: a stranger writes both."""

    def read(path: Path) -> object:
        weights = path.with_suffix(".bin")
        there = weights.read_bytes() if weights.exists() else None
        path.with_suffix(".json").write_bytes(spec_of(runtime, path.read_bytes(), there))
        return look(path)

    return read


@cache
def onnx_network() -> bytes:
    """Means of 32 x 32 pixels, seen as scores and boxes of six cells."""
    shapes = {"scores": [1, 6, 3], "boxes": [1, 6, 4], "level_0": [1, 3, 2, 3]}
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    nodes = [
        helper.make_node("AveragePool", ["images"], ["level_0"], kernel_shape=[32, 32], strides=[32, 32]),
        helper.make_node("Transpose", ["level_0"], ["last"], perm=[0, 2, 3, 1]),
        helper.make_node("Reshape", ["last", "shape"], ["scores"]),
        helper.make_node("Gather", ["scores", "four"], ["boxes"], axis=2),
    ]
    constants = [
        numpy_helper.from_array(np.array(values, np.int64), name)
        for name, values in {"shape": (1, 6, 3), "four": (0, 1, 2, 0)}.items()
    ]
    photo = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 64, 96])
    graph = helper.make_graph(nodes, "tiny", [photo], outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


class _Means(torch.nn.Module):
    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        level = torch.nn.functional.avg_pool2d(images, 32)
        scores = level.permute(0, 2, 3, 1).contiguous().view(1, 6, 3)
        return scores, torch.cat([scores, scores[:, :, :1]], dim=2), level


@cache
def torchscript_network() -> bytes:
    """The same as a TorchScript program."""
    trace: Any = torch.jit.trace
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trace(_Means(), torch.zeros(1, 3, 64, 96)).save(f"{folder}/m.pt")
        return Path(folder, "m.pt").read_bytes()


@cache
def openvino_network() -> Mapping[str, bytes]:
    """The same as OpenVINO's XML and weights, by name."""
    with TemporaryDirectory() as folder:
        Path(folder, "m.onnx").write_bytes(onnx_network())
        openvino.save_model(openvino.convert_model(f"{folder}/m.onnx"), f"{folder}/model.xml", compress_to_fp16=False)
        return {name: Path(folder, name).read_bytes() for name in ("model.xml", "model.bin")}


def specs() -> Sequence[bytes]:
    """The JSON of the export in ONNX."""
    return [spec_of("onnx", onnx_network())]
