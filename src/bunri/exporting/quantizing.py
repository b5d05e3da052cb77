"""8-bit integers where most time goes: convolutions and matrix products, calibrated on training photos."""

import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from bunri.engines.exported.detectors import NetworkName
from bunri.engines.exported.model import ExportedModel
from bunri.engines.exported.spec import ExportSpec, Format
from bunri.errors import MissingPackageError, UsageError
from bunri.exporting.calibrating import NetworkInputs
from bunri.exporting.naming import with_hashes

QUANTIZED_LAYERS = ("Conv", "Gemm", "MatMul", "Convolution", "GroupConvolution")
"""Names of ONNX's operators, and of OpenVINO's."""

Quantize = Callable[[Path, Path, NetworkInputs], str]
"""From a file to another one with inputs to calibrate on; gives what was quantized in words."""


def quantized(
    model: ExportedModel, source: Path, target: Path, inputs: Mapping[NetworkName, NetworkInputs]
) -> tuple[ExportSpec, dict[NetworkName, str]]:
    """The export of ``source`` with its networks quantized, in ``target``; and for each what was quantized.

    Raises:
        UsageError: The format has no int8.
        MissingPackageError: The package that quantizes is not installed.
    """
    spec, work = model.spec, quantizer_of(model.spec.runtime)
    target.mkdir()
    words = {
        name: work(source / facts.name, target / facts.name, inputs[name]) for name, facts in spec.networks.items()
    }
    return with_hashes(spec.model_copy(update={"precision": "int8"}), target), words


def quantizer_of(runtime: Format) -> Quantize:
    """What quantizes networks of a format.

    Raises:
        UsageError: The format has no int8.
        MissingPackageError: The package is not installed.
    """
    found = {"onnx": _quantize_onnx, "openvino": _quantize_openvino}.get(runtime)
    if found is None:
        raise UsageError(
            f"--int8 goes with onnx or openvino, but got {runtime}: torch has no int8 of its own to export"
        )
    try:
        __import__({"onnx": "onnxruntime.quantization", "openvino": "nncf"}[runtime])
    except ImportError as error:
        extra = {"onnx": "onnxruntime", "openvino": "openvino"}[runtime]
        raise MissingPackageError(f"--int8 needs a package: {error}. Run: pip install 'bunri[{extra}]'") from error
    return found


class _Reader:
    """Inputs as ONNX Runtime asks for them."""

    def __init__(self, inputs: NetworkInputs) -> None:
        self._inputs: Iterator[dict[str, np.ndarray]] = iter(inputs)

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._inputs, None)


def _quantize_onnx(path: Path, target: Path, inputs: NetworkInputs) -> str:
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared = target.with_suffix(".prepared.onnx")
    logging.disable(logging.WARNING)  # it warns of what it has just been given
    try:
        quant_pre_process(path, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            target,
            _Reader(inputs),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "Gemm", "MatMul"],
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            extra_options={"CalibMovingAverage": True},
        )
    finally:
        logging.disable(logging.NOTSET)
    prepared.unlink()
    nodes: Any = onnx.load(target).graph.node
    makers = {output: node.op_type for node in nodes for output in node.output}
    return _in_words([(node.op_type, makers.get(node.input[0]) == "DequantizeLinear") for node in nodes if node.input])


def _quantize_openvino(path: Path, target: Path, inputs: NetworkInputs) -> str:
    import nncf
    import openvino

    nncf.set_log_level(logging.ERROR)
    with redirect_stdout(sys.stderr):  # it draws its progress, and stdout is for results
        model: Any = nncf.quantize(
            openvino.Core().read_model(path),
            nncf.Dataset(inputs),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(inputs),
        )
    openvino.save_model(model, target, compress_to_fp16=False)
    layers = [(node.get_type_name(), node) for node in model.get_ordered_ops()]
    return _in_words([(kind, _has_8_bits(node)) for kind, node in layers if kind in QUANTIZED_LAYERS])


def _has_8_bits(node: Any) -> bool:
    """Whether its input comes in 8 bits; OpenVINO moves those about, but pads in float and then computes in float."""
    given = node.input_value(0).get_node()
    while given.get_type_name() in ("Reshape", "Concat"):
        given = given.input_value(0).get_node()
    return bool(given.get_type_name() == "FakeQuantize")


def _in_words(layers: list[tuple[str, bool]]) -> str:
    """Such as ``52 of 53 Conv, 4 of 4 Gemm``."""
    words = []
    for kind in QUANTIZED_LAYERS:
        marks = [done for name, done in layers if name == kind]
        if marks:
            words.append(f"{sum(marks)} of {len(marks)} {kind}")
    return ", ".join(words) or "nothing"
