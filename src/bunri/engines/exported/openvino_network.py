"""Networks in OpenVINO."""

from pathlib import Path

import openvino

from bunri.engines.exported.networks import Arrays
from bunri.engines.exported.spec import NetworkFacts

SETTINGS = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
"""No bfloat16 where a processor has it: boxes are to be the framework's."""


class OpenVinoNetwork:
    """An OpenVINO model on the CPU."""

    def __init__(self, path: Path, facts: NetworkFacts, threads: int) -> None:
        """Load a checked file."""
        core = openvino.Core()
        compiled = core.compile_model(core.read_model(path), "CPU", {**SETTINGS, "INFERENCE_NUM_THREADS": threads})
        self._request, self._outputs = compiled.create_infer_request(), facts.outputs

    def __call__(self, inputs: Arrays) -> Arrays:
        """Run it; the outputs are copied, as the next run writes into the same memory."""
        self._request.infer(dict(inputs))
        return {name: self._request.get_tensor(name).data.copy() for name in self._outputs}
