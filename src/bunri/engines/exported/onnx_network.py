"""Networks in ONNX Runtime."""

from pathlib import Path

import onnxruntime

from bunri.engines.exported.networks import Arrays
from bunri.engines.exported.spec import NetworkFacts

ERRORS_ONLY = 3
"""ONNX Runtime's level of what it logs."""


class OnnxNetwork:
    """An ONNX file on the CPU."""

    def __init__(self, path: Path, facts: NetworkFacts, threads: int) -> None:
        """Load a checked file."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = ERRORS_ONLY
        self._outputs = list(facts.outputs)
        providers = ["CPUExecutionProvider"]  # there is nothing to fall back to, of which it would print
        self._session = onnxruntime.InferenceSession(path, options, providers=providers, enable_fallback=0)

    def __call__(self, inputs: Arrays) -> Arrays:
        """Run it."""
        return dict(zip(self._outputs, self._session.run(self._outputs, dict(inputs)), strict=True))
