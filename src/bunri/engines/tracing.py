"""A torch module as an ONNX or TorchScript file, by tracing; what holds for one size only is found out here.

Tracing records the operators one input passes. Whatever a module decides by the size of its input (padding, windows)
is recorded as it was for that input; so every traced module is tried on inputs of other sizes before it is written.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bunri.engines.base import ExportWish
from bunri.engines.exported.detectors import NetworkName
from bunri.engines.exported.pixel_rules import Pixels
from bunri.engines.exported.pixels import input_size_of
from bunri.engines.exported.spec import SUFFIXES, NetworkFacts
from bunri.errors import ConfigError, MissingPackageError
from bunri.files import replace_atomically, sha256_of
from bunri.recipe import Recipe

OPSET = 17
"""Of ONNX: the first one after RoiAlign's and before those that not every runtime has."""

TOLERANCE: dict[str, Any] = {"rtol": 1e-3, "atol": 1e-3}
"""A traced module adds in another order; a wrong padding is off by far more."""

SHAPES = ((480, 640), (640, 480), (500, 500))
"""Height and width of photos an export is tried on."""

IMAGE_AXES: Mapping[str, Mapping[int, str]] = {"images": {0: "photos", 2: "height", 3: "width"}}
"""Free axes of a network that looks at photos."""

Example = tuple[Tensor, ...]


@dataclass(frozen=True)
class NetworkModule:
    """A module to be traced.

    Attributes:
        name: Of the network.
        module: Takes tensors, gives a tuple of tensors.
        inputs: Names of what it takes.
        outputs: Names of what it gives.
        free_axes: By input, which axes may have any length, with a name.
        examples: Inputs it must hold for; it is traced with the first one.
    """

    name: NetworkName
    module: nn.Module
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    free_axes: Mapping[str, Mapping[int, str]]
    examples: Sequence[Example]


def numbered(name: str, count: int) -> tuple[str, ...]:
    """Names of as many inputs or outputs."""
    return tuple(f"{name}_{number}" for number in range(count))


def images_to_try(pixels: Pixels, recipe: Recipe) -> list[Tensor]:
    """Inputs ``(B, 3, H, W)`` of photos of several shapes in all views of a recipe, the first of scale 1."""
    scales = sorted({view.scale for view in recipe.tta.views}, key=lambda scale: scale != 1.0)
    sizes = [(count, input_size_of(*shape, pixels, scale)) for scale in scales for count, shape in enumerate(SHAPES, 1)]
    return [torch.rand(count, 3, *size) for count, size in sizes]


def write_network(network: NetworkModule, wish: ExportWish) -> NetworkFacts:
    """Trace a module, try it, write it.

    Raises:
        ConfigError: What was traced does not hold for an input of another size.
        MissingPackageError: ``onnx`` is not installed.
    """
    path = wish.folder / f"{network.name}{SUFFIXES[wish.format]}"
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of every decision by size; tried below
        trace: Any = torch.jit.trace  # torch has no types for it
        traced = trace(network.module, network.examples[0], check_trace=False)
        for example in network.examples:
            _try(network, traced, example)
        if wish.format == "onnx":
            _write_onnx(network, traced, path)
        else:
            with replace_atomically(path) as temporary:
                torch.jit.save(torch.jit.freeze(traced.eval()), str(temporary))
    return NetworkFacts(name=path.name, sha256=sha256_of(path), inputs=network.inputs, outputs=network.outputs)


def _try(network: NetworkModule, traced: Any, example: Example) -> None:
    try:
        for wanted, got in zip(network.module(*example), traced(*example), strict=True):
            torch.testing.assert_close(got, wanted, **TOLERANCE)
    except (AssertionError, RuntimeError) as error:
        shapes = ", ".join("x".join(map(str, tensor.shape)) for tensor in example)
        raise ConfigError(
            f"an export must hold for photos of every size, but the {network.name} of this model does not give what it "
            f"gives in torch for {shapes}: it decides by the size of its input. Take views of scale 1 where the input "
            "is fixed, or another backbone."
        ) from error


def _write_onnx(network: NetworkModule, traced: Any, path: Path) -> None:
    try:
        import onnx  # noqa: F401 - torch's exporter needs it
    except ImportError as error:
        raise MissingPackageError(
            f"an export to ONNX needs onnx in the framework's Python, but: {error}. "
            "Run there: pip install 'bunri[export]'"
        ) from error
    with replace_atomically(path) as temporary:
        torch.onnx.export(
            traced,
            network.examples[0],
            str(temporary),
            dynamo=False,  # decision 0015: the newer exporter takes minutes where padding depends on the size
            opset_version=OPSET,
            input_names=list(network.inputs),
            output_names=list(network.outputs),
            dynamic_axes={name: dict(axes) for name, axes in network.free_axes.items()},
        )
