"""Every engine learns: a small model overfits 16 photos. Labels, boxes and scales are right only then."""

from pathlib import Path
from typing import Any

import pytest
import yaml

import bunri
from bunri.engines.catalogue import engine_state
from bunri.io import read_predictions
from engine_jobs import NATIVE, built_in_engines, follow, make_engine_job
from torchvision_jobs import write_photos

pytestmark = pytest.mark.engines

NATIVE_FIGURES = {
    "mmdetection": (("native/coco/bbox_mAP_50", "val/mAP50"), ("native/coco/bbox_mAP", "val/mAP50_95")),
    "detectron2": (("native/bbox/AP50", "val/mAP50"), ("native/bbox/AP", "val/mAP50_95")),
    "effdet": (("native/map", "val/mAP50_95"),),
}
"""What a framework's own COCO evaluator calls a figure of ours; Ultralytics counts in a way of its own."""

PERCENT = ("detectron2",)
"""Frameworks that count to 100."""


def lesson_of(engine: str) -> dict[str, Any]:
    """Native overrides and recipe by which the small model of an engine learns."""
    lessons: dict[str, dict[str, Any]] = yaml.safe_load((NATIVE / "lessons.yaml").read_text())
    return lessons[engine]


@pytest.mark.parametrize("engine", built_in_engines())
def test_a_small_model_overfits_sixteen_photos(engine: str, tmp_path: Path) -> None:
    state = engine_state(engine)
    if not state.ready:
        pytest.skip(f"{engine} is not installed: {state.install}")
    lesson = lesson_of(engine)
    dataset = write_photos(tmp_path / "photos", 16)
    job = make_engine_job(engine, tmp_path, dataset, lesson["recipe"], overrides=lesson.get("set", {}))
    run = follow(job)
    assert run.ended.status == "done", (run.ended.message, run.log[-4000:])
    found = read_predictions(job.folder.predictions_file("val"), dataset)
    scored = bunri.evaluate(found, dataset).mAP50
    assert scored >= 0.8
    best = max(value for _, value in run.values("val/mAP50"))
    assert scored == pytest.approx(best, abs=0.002)  # the best checkpoint predicts what was validated
    scale = 100 if engine in PERCENT else 1
    for native, ours in NATIVE_FIGURES.get(engine, ()):
        for (_, theirs), (_, mine) in zip(run.values(native), run.values(ours), strict=True):
            assert theirs / scale == pytest.approx(mine, abs=0.002), native
