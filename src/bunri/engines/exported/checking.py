"""Whether a network from a stranger only computes: known operators, no other files, no code at loading.

A network is data, but its runtime follows what it says. ONNX may name files of weights anywhere on the disk and
operators of libraries; OpenVINO's XML may name extensions; TorchScript is a program with operators that read and write
files, and classes whose code runs while it is loaded. All are refused before a runtime sees the file.
"""

import ast
import re
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bunri.engines.exported.spec import Format
from bunri.errors import DataError

ONNX_DOMAINS = frozenset({"", "ai.onnx", "com.microsoft"})
"""The standard's operators, and those ONNX Runtime itself brings (quantization, fused layers)."""

OPENVINO_SETS = re.compile(r"opset\d{1,2}")
"""Operator sets of OpenVINO itself; ``extension`` and others come from libraries."""

_CALLS = """
NumToTensor __and__ _convolution _shape_as_tensor adaptive_avg_pool2d add add_ addmm all arange avg_pool2d batch_norm
bitwise_not bmm cat ceil chunk clamp clamp_min constant_pad_nd contiguous conv2d cos detach device div div_ dropout
dropout_ embedding eq expand expand_as feature_dropout flatten floor floor_divide forward full full_like gelu
grid_sampler group_norm gt hardsigmoid hardsigmoid_ hardswish hardswish_ hardtanh hardtanh_ index layer_norm
leaky_relu leaky_relu_ linear log log_softmax lt masked_fill matmul max max_pool2d mean meshgrid mul mul_ narrow ne
neg new_full new_zeros numel ones pad permute pow prelu reciprocal relu relu6 relu6_ relu_ remainder repeat reshape
roi_align roll rsub scaled_dot_product_attention select sigmoid sigmoid_ silu silu_ sin size slice softmax softplus
split split_with_sizes sqrt squeeze stack sub sum tanh to topk transpose type_as unbind unsqueeze upsample_bilinear2d
upsample_nearest2d view zeros
"""

TORCH_CALLS = frozenset(_CALLS.split())
"""What a TorchScript program may call: operators that networks of detectors are made of; none touches a file."""

TORCH_WORDS = frozenset({"annotate", "bool", "float", "int", "len", "range", "unchecked_cast"})
"""And these words of the language."""

TORCH_CODE_BYTES = 64 * 2**20
"""A program is small; weights are packed as they are."""


def check_network(path: Path, runtime: Format, weights: Path | None) -> None:
    """Refuse a file that does more than compute.

    Raises:
        DataError: It is broken or does.
    """
    _CHECKS[runtime](path, weights)


def _refuse(path: Path, what: str) -> DataError:
    return DataError(f"an exported network must only compute, but {path} {what}. Do not run it; ask who made it.")


def _check_onnx(path: Path, weights: Path | None) -> None:
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model: Any = onnx.load(path, load_external_data=False)
    except (DecodeError, ValueError, RecursionError) as error:
        raise DataError(f"{path} must be an ONNX file, but is not: {error}. Copy it again.") from error
    for domain in {node.domain for node in _nodes(model.graph)} | {node.domain for node in model.functions}:
        if domain not in ONNX_DOMAINS:
            raise _refuse(path, f"has operators of {domain!r}")
    for tensor in _tensors(model.graph):
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            raise _refuse(path, "reads weights from another file")


def _nodes(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from _nodes(inner)


def _tensors(graph: Any) -> Iterable[Any]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            yield from (*([attribute.t] if attribute.HasField("t") else []), *attribute.tensors)
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from _tensors(inner)


def _check_openvino(path: Path, weights: Path | None) -> None:
    text = path.read_bytes()
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise _refuse(path, "has XML entities")
    try:
        root = ET.fromstring(text)
    except (ET.ParseError, ValueError, LookupError, RecursionError) as error:  # LookupError: an unknown encoding
        raise DataError(f"{path} must be an OpenVINO model, but: {error}. Copy it again.") from error
    for layer in root.iter("layer"):
        if not OPENVINO_SETS.fullmatch(layer.get("version", "")):
            raise _refuse(path, f"has operators of {layer.get('version')!r}")
    if weights is None or weights != path.with_suffix(".bin"):
        raise _refuse(path, "must have its weights in the .bin of the same name")


def _check_torchscript(path: Path, weights: Path | None) -> None:
    """The program is text within the archive: it is read, not run."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if len(set(names)) < len(names):
                raise _refuse(path, "has two files of one name, of which torch may read the other")
            if sum(part.file_size for part in archive.infolist()) > path.stat().st_size + TORCH_CODE_BYTES:
                raise _refuse(path, "would be far larger unpacked")
            programs = [name for name in names if "/code/" in name and name.endswith(".py")]
            if sum(archive.getinfo(name).file_size for name in programs) > TORCH_CODE_BYTES:
                raise _refuse(path, "has far more code than a network needs")
            for name in programs:
                _check_program(path, archive.read(name).decode())
    except DataError:
        raise
    except Exception as error:  # zipfile, zlib and the grammar each have errors of their own
        raise DataError(f"{path} must be a TorchScript archive, but: {error}. Copy it again.") from error


def _check_program(path: Path, program: str) -> None:
    """TorchScript is written in Python's grammar; whatever is called must be known to be harmless."""
    for node in ast.walk(ast.parse(program)):
        if isinstance(node, ast.FunctionDef) and node.name != "forward":
            raise _refuse(path, f"defines {node.name!r}, which may run while it is loaded")
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "something")
            known = TORCH_CALLS if isinstance(node.func, ast.Attribute) else TORCH_WORDS
            if name not in known:
                raise _refuse(path, f"calls {name!r}, which is not known to be harmless")


_CHECKS: Mapping[Format, Callable[[Path, Path | None], None]] = {
    "onnx": _check_onnx,
    "openvino": _check_openvino,
    "torchscript": _check_torchscript,
}
