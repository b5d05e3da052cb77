"""Detectron2 trains as it is told, and goes on where it was."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import bunri
from bunri.engines.base import Job
from bunri.engines.catalogue import engine_state
from bunri.engines.process import Worker
from bunri.events import Event, Note, Progress, Resumed, Scalars
from bunri.io import read_predictions
from engine_jobs import NATIVE, Followed, awkward_dataset, follow, make_engine_job

FCOS = NATIVE / "detectron2_fcos.py"


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    state = engine_state("detectron2")
    if not state.ready:
        pytest.skip(f"detectron2 is not installed: {state.install}")


def _numbers(events: list[Event]) -> dict[tuple[int, str], float]:
    """All numbers but times, by step and name."""
    scalars = [event for event in events if isinstance(event, Scalars)]
    return {(e.step, name): v for e in scalars for name, v in e.values.items() if not name.startswith("time/")}


@dataclass(frozen=True)
class Twice:
    """A training without a break, and one that was stopped and went on."""

    job: Job
    whole: Followed
    stopped: Followed
    resumed: Followed


def _twice(folder: Path, **changes: Any) -> Twice:
    dataset = awkward_dataset(folder / "photos")
    recipe = {"iterations": 11, "batch_size": 2, "validate_every": 1}
    whole = make_engine_job("detectron2", folder / "whole", dataset, recipe, tasks=("train",), **changes)
    broken = make_engine_job("detectron2", folder / "broken", dataset, recipe, tasks=("train",), **changes)

    def stop(event: Event, worker: Worker) -> None:
        if isinstance(event, Progress) and event.step == 2:
            worker.stop()

    return Twice(whole, follow(whole), follow(broken, stop), follow(broken.model_copy(update={"resume": True})))


def _check_twice(twice: Twice) -> None:
    assert twice.stopped.ended.status == "stopped", twice.stopped.log[-4000:]
    assert twice.resumed.ended.status == "done", twice.resumed.log[-4000:]
    [resumed] = [event for event in twice.resumed.events if isinstance(event, Resumed)]
    assert 2 <= resumed.step < 11
    again = _numbers(twice.resumed.events)
    whole = {place: value for place, value in _numbers(twice.whole.events).items() if place[0] > resumed.step}
    assert again.keys() == whole.keys()
    learned = [place for place in again if place[1].startswith(("train/", "lr/"))]
    assert {step for step, _ in learned} == {10, 11}
    # The last bits of some sums differ from process to process; another batch or draw would change the second digit.
    assert [again[place] for place in learned] == pytest.approx([whole[place] for place in learned], rel=1e-3)


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> Twice:
    """The small Faster R-CNN by its own config: its optimizer, its augmentation, its batches by shape."""
    return _twice(tmp_path_factory.mktemp("twice"), overrides={"SOLVER.CHECKPOINT_PERIOD": 3})


def test_a_resumed_run_gives_the_numbers_of_an_unbroken_one(twice: Twice) -> None:
    _check_twice(twice)


def test_a_config_that_is_not_contradicted_holds(twice: Twice) -> None:
    rates = [value for _, value in twice.whole.values("lr/group0")]
    assert twice.whole.facts["optimizer"] == "SGD"
    assert rates == pytest.approx([0.01, 0.01])  # SOLVER.BASE_LR after its warm-up of 5, at iterations 10 and 11
    assert twice.whole.facts["stages"] == "two"
    assert twice.whole.facts["weights"] == "timm test_resnet: random"


def test_the_frameworks_own_figures_come_from_the_same_pass(twice: Twice) -> None:
    ours, theirs = dict(twice.whole.values("val/mAP50")), dict(twice.whole.values("native/bbox/AP50"))
    assert ours.keys() == theirs.keys()
    assert theirs[11] == pytest.approx(100 * ours[11], abs=1e-3)


def test_the_config_as_it_ran_and_the_frameworks_files_are_kept(twice: Twice) -> None:
    native = twice.job.folder.native_folder
    text = (native / "config.yaml").read_text()
    assert "MAX_ITER: 11" in text
    assert "NUM_CLASSES: 2" in text
    assert (native / "metrics.json").is_file()
    assert list(native.glob("events.out.tfevents*"))


def _predict(job: Job, folder: Path, **changes: Any) -> Followed:
    values: dict[str, Any] = {"tasks": ("predict",), "run_folder": folder / "run"}
    values["checkpoint"] = job.folder.checkpoint_file("best")
    return follow(job.model_copy(update=values | changes))


def test_the_best_checkpoint_predicts_what_was_validated(twice: Twice, tmp_path: Path) -> None:
    run = _predict(twice.job, tmp_path)
    assert run.ended.status == "done", run.log[-4000:]
    assert twice.job.val is not None
    truth = bunri.load_dataset(twice.job.val.annotations, twice.job.val.images)
    found = read_predictions(run.job.folder.predictions_file("val"), truth)
    best = max(value for _, value in twice.whole.values("val/mAP50"))
    assert bunri.evaluate(found, truth).mAP50 == pytest.approx(best, abs=1e-6)


def test_a_checkpoint_of_another_model_is_refused(twice: Twice, tmp_path: Path) -> None:
    run = _predict(twice.job, tmp_path, overrides={"MODEL.FPN.OUT_CHANNELS": 16})
    assert run.ended.exit_code == 3
    assert "is of another model: its config differs" in run.ended.message


@pytest.mark.engines
def test_a_resumed_lazy_run_gives_the_numbers_of_an_unbroken_one(tmp_path: Path) -> None:
    """FCOS divides its loss by a moving average that is in no state dict."""
    twice = _twice(tmp_path, config=FCOS)
    _check_twice(twice)
    assert twice.whole.facts["optimizer"] == "AdamW"
    assert twice.whole.facts["stages"] == "one"
    assert "loss_fcos_ctr" in str(_numbers(twice.whole.events).keys())


@pytest.mark.engines
def test_a_lazy_config_takes_the_recipes_words(tmp_path: Path) -> None:
    recipe = {
        "iterations": 10,
        "batch_size": 2,
        "sampler": {"repeat_factor_threshold": 0.6},
        "optimizer": {"name": "NAdam", "lr": 0.002},
        "schedule": {"warmup_iterations": 4, "warmup_factor": 0.5},
        "clip_norm": 1.0,
        "augment": [{"HorizontalFlip": {"p": 0.5}}],
        "tta": {"views": [{}, {"scale": 1.5}]},
    }
    dataset = awkward_dataset(tmp_path / "photos")
    run = follow(make_engine_job("detectron2", tmp_path, dataset, recipe, config=FCOS))
    assert run.ended.status == "done", run.log[-4000:]
    [(step, rate)] = run.values("lr/base")
    expected = run.job.recipe.schedule.factor(step - 1, 10) * 0.002
    assert rate == pytest.approx(expected)
    assert run.facts["optimizer"] == "NAdam"


@pytest.mark.engines
@pytest.mark.parametrize(
    ("overrides", "stages", "part"),
    [
        (
            {
                "MODEL.META_ARCHITECTURE": "RetinaNet",
                "MODEL.BACKBONE.NAME": "build_retinanet_timm_fpn_backbone",
                "MODEL.RETINANET.IN_FEATURES": ["p3", "p4", "p5", "p6"],
                "MODEL.ANCHOR_GENERATOR.SIZES": [[16], [32], [64], [96]],
                "MODEL.RETINANET.NUM_CONVS": 1,
            },
            "one",
            "train/loss/loss_cls",
        ),
        (
            {
                "MODEL.ROI_HEADS.NAME": "CascadeROIHeads",
                "MODEL.ROI_BOX_HEAD.CLS_AGNOSTIC_BBOX_REG": True,
                "MODEL.MASK_ON": True,
                "MODEL.TIMM.NORM": "frozen",
                "INPUT.FORMAT": "BGR",
            },
            "two",
            "train/loss/loss_cls_stage2",
        ),
    ],
)
def test_other_detectors_train_and_predict(
    overrides: Mapping[str, Any], stages: str, part: str, tmp_path: Path
) -> None:
    dataset = awkward_dataset(tmp_path / "photos", ("trash",))
    job = make_engine_job("detectron2", tmp_path, dataset, {"iterations": 10}, overrides=dict(overrides))
    run = follow(job)
    assert run.ended.status == "done", run.log[-4000:]
    assert run.facts["stages"] == stages
    assert len(run.values(part)) == 1
    notes = [event.text for event in run.events if isinstance(event, Note)]
    assert ("MODEL.MASK_ON is set to False: boxes only" in notes) == ("MODEL.MASK_ON" in overrides)


@pytest.mark.engines
def test_a_loss_that_is_not_finite_is_told_with_the_next_step(tmp_path: Path) -> None:
    dataset = awkward_dataset(tmp_path / "photos")
    overrides = {"SOLVER.BASE_LR": 1e18, "SOLVER.WARMUP_ITERS": 0}
    run = follow(make_engine_job("detectron2", tmp_path, dataset, {"iterations": 12}, overrides=overrides))
    assert run.ended.status == "failed"
    assert "Lower optimizer.lr" in run.ended.message


@pytest.mark.engines
def test_without_a_held_out_photo_the_latest_is_the_best(tmp_path: Path) -> None:
    dataset = awkward_dataset(tmp_path / "photos")
    run = follow(make_engine_job("detectron2", tmp_path, dataset, {"iterations": 3}, val=None))
    assert run.ended.status == "done", run.log[-4000:]
    assert run.job.folder.checkpoint_file("best").is_file()
    assert run.values("val/mAP50") == []
