"""Networks in TorchScript, the only ones that need torch."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision  # noqa: F401 - brings the operator roi_align

from bunri.engines.exported.networks import Arrays
from bunri.engines.exported.spec import NetworkFacts


class TorchScriptNetwork:
    """A traced module on the CPU."""

    def __init__(self, path: Path, facts: NetworkFacts, threads: int) -> None:
        """Load a checked file."""
        torch.set_num_threads(threads)
        load: Any = torch.jit.load  # torch has no types for it
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # it would rather have torch.export
            self._module = load(str(path), map_location="cpu")
        self._facts = facts

    @torch.inference_mode()
    def __call__(self, inputs: Arrays) -> Arrays:
        """Run it."""
        given = [torch.from_numpy(np.ascontiguousarray(inputs[name])) for name in self._facts.inputs]
        found = self._module(*given)
        return {name: value.numpy() for name, value in zip(self._facts.outputs, found, strict=True)}
