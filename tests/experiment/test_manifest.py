from pathlib import Path

import pytest

from bunri.events import Ended, Facts, Progress, Scalars
from bunri.experiment import manifest
from bunri.experiment.manifest import ManifestWriter
from bunri.run_folder import RunFolder


class Clock:
    """Seconds as a test sets them."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(manifest, "time", clock)
    return clock


def test_facts_versions_the_best_score_and_the_end(tmp_path: Path, clock: Clock) -> None:
    folder = RunFolder(tmp_path)
    writer = ManifestWriter(folder, {"model": "fcos", "seed": 3})
    assert folder.status == "running"
    writer.write(Facts({"version/torch": "2.14.1", "weights": "random"}))
    for step, score in ((10, 0.3), (20, 0.5), (30, 0.4)):
        writer.write(Scalars(step, {"val/mAP50": score}, step / 10))
    writer.write(Progress(30))
    writer.write(Ended("stopped", "on request"))
    values = folder.read_manifest()
    assert values["versions"] == {"torch": "2.14.1"}
    assert values["facts"] == {"weights": "random"}
    assert values["best"] == {"mAP50": 0.5, "step": 20, "epoch": 2.0}
    assert (values["model"], values["seed"], values["status"], values["message"]) == (
        "fcos",
        3,
        "stopped",
        "on request",
    )
    assert values["started"] <= values["ended"]


def test_seconds_are_counted_by_task_and_over_continuations(tmp_path: Path, clock: Clock) -> None:
    folder = RunFolder(tmp_path)
    for status in ("stopped", "done"):
        clock.now = 0.0
        writer = ManifestWriter(folder, {})
        for now, event in ((2.0, Facts({"task": "train"})), (12.0, Facts({"task": "predict"})), (15.0, Ended(status))):
            clock.now = now
            writer.write(event)
    # each time 2 s to start, 10 s of training, 3 s of predicting
    assert folder.read_manifest()["seconds"] == {"start": 4.0, "train": 20.0, "predict": 6.0}


def test_a_continuation_keeps_when_it_all_began(tmp_path: Path, clock: Clock) -> None:
    folder = RunFolder(tmp_path)
    folder.update_manifest({"started": "2026-01-01T00:00:00+00:00", "status": "stopped", "best": {"mAP50": 0.9}})
    writer = ManifestWriter(folder, {})
    writer.write(Scalars(1, {"val/mAP50": 0.5}))
    values = folder.read_manifest()
    assert values["started"] == "2026-01-01T00:00:00+00:00"
    assert values["best"] == {"mAP50": 0.9}
