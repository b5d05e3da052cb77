"""Held-out photos judged by our evaluator and by Detectron2's own, from one pass over them."""

import time
from pathlib import Path
from typing import Any

import numpy as np
from detectron2.data import build_detection_test_loader
from detectron2.evaluation import DatasetEvaluators, inference_on_dataset
from detectron2.evaluation.testing import flatten_results_dict
from torch.utils.data import SequentialSampler

from bunri.dataset import Dataset
from bunri.engines.detectron2.inference import Collector, HeldOutPhotos, Preparation
from bunri.engines.detectron2.native import VAL, NativeModel
from bunri.engines.detectron2.records import native_evaluator, records_to_judge, register
from bunri.engines.predicting import progress_of
from bunri.engines.validating import Validator, native_scalars
from bunri.events import Emit, PhaseStarted
from bunri.recipe import Recipe


class Judge:
    """Judges a model on the held-out photos as often as it is asked.

    Attributes:
        best: The best mAP50 so far.
        is_best: Whether the last judgement was it.
        results: Detectron2's own results of the last judgement, as its evaluation hook wants them.
    """

    def __init__(self, dataset: Dataset, native: NativeModel, recipe: Recipe, folder: Path, emit: Emit) -> None:
        """Register the photos; the truth for Detectron2's evaluator goes to ``folder``."""
        register(VAL, records_to_judge(dataset), dataset.class_names)
        self._dataset, self._recipe, self._emit = dataset, recipe, emit
        self._photos = HeldOutPhotos(dataset, Preparation(native))
        self._native_evaluator = native_evaluator(folder)
        self.best, self.is_best = -1.0, True
        self.results: dict[str, Any] = {}

    def __call__(self, model: Any) -> dict[str, float]:
        """Scalars ``val/...`` by our evaluator, ``native/...`` by Detectron2's, and the time."""
        started = time.monotonic()
        self._emit(PhaseStarted("validate", len(self._dataset)))
        collector = Collector(self._dataset, self._recipe, progress_of(self._emit))
        rows = list(range(len(self._dataset)))
        all_rows = SequentialSampler(rows)  # theirs would leave some to other processes, which do not judge
        loader = build_detection_test_loader(rows, mapper=self._photos, sampler=all_rows)
        evaluators = DatasetEvaluators([self._native_evaluator, collector])
        self.results = dict(inference_on_dataset(model, loader, evaluators))
        validator = Validator(self._dataset, self._emit, self.best)
        values, self.is_best = validator.judge(collector.predictions)
        self.best = validator.best
        own = {name: value for name, value in flatten_results_dict(self.results).items() if np.isfinite(value)}
        return values | native_scalars(own) | {"time/validate": time.monotonic() - started}
