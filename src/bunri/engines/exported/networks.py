"""What runs a network: arrays by name in, arrays by name out."""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from bunri.engines.exported.spec import Format, NetworkFacts
from bunri.errors import MissingPackageError

Arrays = Mapping[str, NDArray[Any]]
"""By the names the export gives them."""


class Network(Protocol):
    """A loaded network."""

    def __call__(self, inputs: Arrays) -> Arrays:
        """Its outputs, by name."""


OpenNetwork = Callable[[Path, NetworkFacts, int], Network]
"""Loads a checked file for a number of CPU threads."""

RUNTIMES: Mapping[Format, str] = {
    "onnx": "bunri.engines.exported.onnx_network:OnnxNetwork",
    "openvino": "bunri.engines.exported.openvino_network:OpenVinoNetwork",
    "torchscript": "bunri.engines.exported.torchscript_network:TorchScriptNetwork",
}
"""Of each format the class that runs it; imported only when it is needed."""

EXTRAS: Mapping[Format, str] = {"onnx": "onnxruntime", "openvino": "openvino", "torchscript": "torchvision"}
"""Of each format the extra of bunri that brings what runs it."""


def network_class(runtime: Format) -> OpenNetwork:
    """What loads a network of a format.

    Raises:
        MissingPackageError: What runs it is not installed.
    """
    module, _, name = RUNTIMES[runtime].partition(":")
    try:
        found: OpenNetwork = getattr(import_module(module), name)
    except ImportError as error:
        raise MissingPackageError(
            f"what runs {runtime} must be installed, but: {error}. Run: pip install 'bunri[{EXTRAS[runtime]}]'"
        ) from error
    return found
