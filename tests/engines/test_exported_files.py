import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from bunri.engines.exported.checking import check_network
from bunri.engines.exported.files import read_spec, spec_file_of
from bunri.engines.exported.model import open_export
from bunri.errors import BunriError, ConfigError, DataError
from exported_models import tiny_model, write_export


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_export(tiny_model("SSD"), "onnx", tmp_path_factory.mktemp("ssd") / "export")


def copy_of(export: Path, folder: Path, change: Callable[[dict[str, Any]], object] = lambda values: None) -> Path:
    for file in export.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    values = json.loads((folder / "model.json").read_text())
    change(values)
    (folder / "model.json").write_text(json.dumps(values))
    return folder


def test_an_export_is_known_by_its_folder_its_network_and_nothing_else(export: Path, tmp_path: Path) -> None:
    assert spec_file_of(export) == spec_file_of(export / "model.onnx") == export / "model.json"
    assert spec_file_of(tmp_path) is None
    assert spec_file_of(tmp_path / "photo.jpg") is None
    assert read_spec(export / "model.json").class_names == ("square", "bar", "disc")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v.update(flor=1), "flor: unknown key"),
        (lambda v: v["networks"]["network"].update(name="../model.onnx"), "networks.network.name"),
        (lambda v: v["pixels"].update(max_side=10**6), "pixels.max_side"),
        (lambda v: v["pixels"].update(std=[0, 1, 1]), "must be above 0"),
        (lambda v: v.update(category_ids=[1]), "every class must have a category id"),
        (lambda v: v.update(runtime="openvino"), "go with openvino"),
        (lambda v: v.update(format=2), "format"),
        (lambda v: v["networks"].update(regions=v["networks"]["network"]), "networks must be"),
    ],
)
def test_what_no_export_says_is_refused(
    export: Path, tmp_path: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        open_export(copy_of(export, tmp_path, change))
    assert message in str(caught.value)


def test_a_changed_or_absent_network_is_refused(export: Path, tmp_path: Path) -> None:
    folder = copy_of(export, tmp_path)
    with (folder / "model.onnx").open("ab") as file:
        file.write(b"x")
    with pytest.raises(DataError, match="content has changed"):
        open_export(folder)
    (folder / "model.onnx").unlink()
    with pytest.raises(DataError, match="is not there"):
        open_export(folder / "model.onnx")


def test_other_json_is_no_export(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text('{"images": []}')
    (tmp_path / "model.onnx").write_bytes(b"")
    with pytest.raises(DataError, match="must be the JSON of an export"):
        open_export(tmp_path)


def onnx_with(path: Path, change: Callable[[Any], object]) -> Path:
    tensor = onnx.numpy_helper.from_array(np.ones(4, np.float32), "w")
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [4])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Add", ["x", "w"], ["y"])], "g", [value], [value], [tensor])
    model = onnx.helper.make_model(graph)
    change(model)
    path.write_bytes(model.SerializeToString())
    return path


def read_elsewhere(model: Any) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../etc/passwd")


def hide_in_a_branch(model: Any) -> None:
    inner = onnx.helper.make_graph([onnx.helper.make_node("Shell", [], ["z"], domain="evil")], "b", [], [])
    model.graph.node.append(onnx.helper.make_node("If", ["x"], ["z"], then_branch=inner, else_branch=inner))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (read_elsewhere, "reads weights from another file"),
        (lambda m: setattr(m.graph.node[0], "domain", "evil"), "has operators of 'evil'"),
        (hide_in_a_branch, "has operators of 'evil'"),
    ],
)
def test_onnx_that_does_more_than_compute_is_refused(
    tmp_path: Path, change: Callable[[Any], object], message: str
) -> None:
    check_network(onnx_with(tmp_path / "good.onnx", lambda model: None), "onnx", None)
    with pytest.raises(DataError, match=message):
        check_network(onnx_with(tmp_path / "bad.onnx", change), "onnx", None)


def test_a_file_of_another_kind_is_told(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.write_bytes(b"not a network")
    for runtime in ("onnx", "openvino", "torchscript"):
        with pytest.raises(DataError, match="Copy it again"):
            check_network(path, runtime, None)


@pytest.mark.parametrize(
    ("xml", "message"),
    [
        ('<net><layers><layer version="extension"/></layers></net>', "has operators of 'extension'"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><net/>', "has XML entities"),
        ('<net><layers><layer version="opset1"/></layers></net>', "weights in the .bin of the same name"),
    ],
)
def test_openvino_that_does_more_than_compute_is_refused(tmp_path: Path, xml: str, message: str) -> None:
    path = tmp_path / "model.xml"
    path.write_text(xml)
    with pytest.raises(DataError, match=message):
        check_network(path, "openvino", tmp_path / "other.bin")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('  x = torch.from_file("/etc/passwd", True, 9)\n', "calls 'from_file'"),
        ('  x = torch .save(1, "here")\n', "calls 'save'"),
        ('  x = ops.aten.save(1, "here")\n', "calls 'save'"),
        ("  x = eval(1)\n", "calls 'eval'"),
        ("def __setstate__(self, x):\n  x = 1\n", "defines '__setstate__'"),
        ("  x = (\n", "Copy it again"),
    ],
)
def test_torchscript_that_does_more_than_compute_is_refused(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m/code/__torch__.py", f"def forward(self, x):\n  y = torch.relu(x)\n{line}")
    with pytest.raises(BunriError, match=message):
        check_network(path, "torchscript", None)


def test_a_real_program_that_writes_a_file_is_refused_before_it_is_loaded(tmp_path: Path) -> None:
    class Writer(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.from_file("stolen", True, 4)

    script: Any = torch.jit.script
    with pytest.warns(FutureWarning, match="deprecated"):
        script(Writer()).save(str(tmp_path / "model.pt"))
    with pytest.raises(DataError, match="calls 'from_file'"):
        check_network(tmp_path / "model.pt", "torchscript", None)
