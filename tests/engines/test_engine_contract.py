"""What every engine promises, tried on each in a worker of its own; an engine that is not installed is skipped."""

import math
import os
import re
import signal
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from bunri.dataset import Dataset
from bunri.engines.catalogue import engine_state
from bunri.engines.exported.model import open_export, predict_with
from bunri.engines.feeding import Lengths
from bunri.engines.process import Worker
from bunri.events import Event, PhaseStarted, Progress, Resumed, Scalars
from bunri.exporting import ExportOrder, export_run
from bunri.files import write_bytes
from bunri.io import read_predictions
from bunri.recipe import Recipe
from engine_jobs import (
    MISSPELT,
    SAYS_ALL,
    Followed,
    awkward_dataset,
    built_in_engines,
    check,
    follow,
    make_engine_job,
    refused_fields,
)

NAMES = re.compile(r"(train/loss(/.+)?|lr/.+|val/mAP50|val/mAP50_95|val/AP50/.+|time/.+|native/.+)")
SHARES = re.compile(r"val/")


@dataclass(frozen=True)
class Tried:
    """An engine that trained by a recipe that says all it can honour."""

    engine: str
    refused: list[str]
    recipe: Recipe
    dataset: Dataset
    run: Followed


@pytest.fixture(scope="module", params=built_in_engines())
def engine(request: pytest.FixtureRequest) -> str:
    """Each engine of the table whose framework is installed."""
    state = engine_state(request.param)
    if not state.ready:
        pytest.skip(f"{request.param} is not installed: {state.install}")
    return str(request.param)


@pytest.fixture(scope="module")
def tried(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Tried:
    """One training and prediction, looked at by most of the tests."""
    folder = tmp_path_factory.mktemp(engine)
    refused = refused_fields(check(engine, folder, SAYS_ALL))
    recipe = {name: value for name, value in SAYS_ALL.items() if name not in refused}
    dataset = awkward_dataset(folder / "photos")
    run = follow(make_engine_job(engine, folder, dataset, recipe))
    return Tried(engine, refused, Recipe.validated(recipe, "the test"), dataset, run)


def test_it_ends_well(tried: Tried) -> None:
    assert tried.run.ended.status == "done", (tried.run.ended.message, tried.run.log[-4000:])


def test_what_it_refuses_are_fields_of_the_recipe(tried: Tried) -> None:
    assert set(tried.refused) <= set(SAYS_ALL)
    assert {"batch_size", "epochs", "sampler", "optimizer", "schedule", "augment", "tta"}.isdisjoint(tried.refused)


def test_losses_are_finite_and_named_by_the_contract(tried: Tried) -> None:
    losses = tried.run.values("train/loss")
    assert losses
    assert all(math.isfinite(value) for _, value in losses)
    strangers = {name for event in tried.run.scalars for name in event.values if not NAMES.fullmatch(name)}
    assert strangers == set()


def test_parts_of_the_loss_add_up(tried: Tried) -> None:
    for event in tried.run.scalars:
        parts = [value for name, value in event.values.items() if name.startswith("train/loss/")]
        if "train/loss" in event.values and parts:
            assert event.values["train/loss"] == pytest.approx(sum(parts), rel=1e-3)


def test_the_step_axis_counts_optimizer_steps(tried: Tried) -> None:
    lengths = Lengths.of(tried.dataset, tried.recipe)
    steps = [event.step for event in tried.run.scalars]
    assert steps == sorted(steps)
    assert steps[-1] == lengths.total
    [total] = {event.total for event in tried.run.events if isinstance(event, PhaseStarted) and event.phase == "train"}
    assert total == lengths.total


def test_the_sampler_lengthens_the_epoch(tried: Tried) -> None:
    plain = Lengths.of(tried.dataset, tried.recipe.model_copy(update={"sampler": type(tried.recipe.sampler)()}))
    assert Lengths.of(tried.dataset, tried.recipe).epoch > plain.epoch
    assert max(event.epoch for event in tried.run.scalars) == pytest.approx(2, rel=0.34)


def test_validation_is_ours_at_the_contracts_scale(tried: Tried) -> None:
    shares = [value for e in tried.run.scalars for name, value in e.values.items() if SHARES.match(name)]
    assert len(tried.run.values("val/mAP50")) == 2
    assert all(0 <= value <= 1 for value in shares)
    assert {"val/AP50/square", "val/AP50/bar"} <= {name for event in tried.run.scalars for name in event.values}


def test_the_optimizer_and_its_rate_are_those_of_the_recipe(tried: Tried) -> None:
    assert tried.run.facts["optimizer"] == "NAdam"
    total = Lengths.of(tried.dataset, tried.recipe).total
    rates = [(e.step, value) for e in tried.run.scalars for name, value in e.values.items() if name.startswith("lr/")]
    assert rates
    for step, rate in rates:
        expected = tried.recipe.optimizer.lr * tried.recipe.schedule.factor(step - 1, total)
        assert rate == pytest.approx(expected, rel=1e-6), step


def test_facts_name_weights_stages_and_size(tried: Tried) -> None:
    assert tried.run.facts["stages"] in ("one", "two", "transformer")
    assert tried.run.facts["weights"]
    assert tried.run.facts["parameters"] > 1000


def test_predictions_lie_on_the_original_photos(tried: Tried) -> None:
    found = read_predictions(tried.run.job.folder.predictions_file("val"), tried.dataset)
    assert sorted(found.seen_image_id) == sorted(tried.dataset.images.id)
    rows = tried.dataset.rows_of(found.image_id)
    sides = np.stack([tried.dataset.images.width[rows], tried.dataset.images.height[rows]], axis=1)
    assert (found.box_xyxy >= 0).all()
    assert (found.box_xyxy[:, 2:] <= sides + 1e-6).all()
    assert set(found.class_index) <= {0, 1}


def test_predictions_keep_to_floor_and_number(tried: Tried) -> None:
    found = read_predictions(tried.run.job.folder.predictions_file("val"), tried.dataset)
    assert (found.score >= tried.recipe.score_floor * 0.999).all()
    assert (found.score <= 1).all()
    assert len(found) == 0 or np.unique(found.image_id, return_counts=True)[1].max() <= tried.recipe.max_boxes


def test_every_view_is_kept(tried: Tried) -> None:
    for view in ("identity", "hflip", "rot90"):
        path = tried.run.job.folder.view_file("val", view)
        assert read_predictions(path, tried.dataset).seen_image_id.size == len(tried.dataset)


def test_both_checkpoints_are_there(tried: Tried) -> None:
    assert all(tried.run.job.folder.checkpoint_file(which).is_file() for which in ("best", "last"))


def test_the_same_job_gives_the_same_bits(tried: Tried, tmp_path: Path) -> None:
    again = follow(make_engine_job(tried.engine, tmp_path, tried.dataset, tried.recipe.given()))
    assert again.ended.status == "done", again.ended.message
    assert again.values("train/loss") == tried.run.values("train/loss")
    first, second = (
        read_predictions(run.job.folder.predictions_file("val"), tried.dataset) for run in (tried.run, again)
    )
    for column in ("image_id", "class_index", "score", "box_xyxy"):
        np.testing.assert_array_equal(getattr(first, column), getattr(second, column))


def test_a_misspelt_override_is_refused_with_the_nearest_key(engine: str, tmp_path: Path) -> None:
    key, meant = MISSPELT[engine]
    [mistake] = check(engine, tmp_path, {}, {key: 3})["mistakes"]
    assert key.rsplit(".", 1)[-1] in mistake
    assert f"did you mean '{meant}'" in mistake


def test_an_export_finds_what_the_framework_finds(tried: Tried, tmp_path: Path) -> None:
    """On photos in all three views; the export is refused where it does not."""
    job = tried.run.job
    write_bytes(job.folder.native_config_file(job.config.name), job.config.read_bytes())
    facts = {"status": "done", "model": "tiny", "engine": tried.engine, "fold": 0, "seed": 0}
    job.folder.update_manifest(facts | {"class_names": ["square", "bar"], "category_ids": [3, 17]})
    done = export_run(job.run_folder, ExportOrder("onnx", tmp_path / "out", threads=1))
    assert done.alike is not None
    assert done.alike.photos == len(tried.dataset)
    own = read_predictions(job.folder.predictions_file("val"), tried.dataset)
    found = predict_with(open_export(tmp_path / "out", threads=1), tried.dataset)
    assert len(found) == pytest.approx(len(own), rel=0.05)


def _stop_once_it_trains(event: Event, worker: Worker) -> None:
    if isinstance(event, Progress) and event.step == 1:
        worker.stop()


def test_a_stopped_and_a_killed_training_go_on_to_the_end(engine: str, tmp_path: Path) -> None:
    """On a data set of one class: stopped by SIGTERM in the first epoch, killed after the second, ended."""
    dataset = awkward_dataset(tmp_path / "photos", ("trash",))
    recipe = {"epochs": 4, "batch_size": 2, "validate_every": 1}
    job = make_engine_job(engine, tmp_path, dataset, recipe, tasks=("train",))
    stopped = follow(job, _stop_once_it_trains)
    assert stopped.ended.status == "stopped", (stopped.ended.message, stopped.log[-4000:])
    assert job.folder.checkpoint_file("last").is_file()

    again = job.model_copy(update={"resume": True})
    seen: list[int] = []

    def kill_after_two_validations(event: Event, worker: Worker) -> None:
        if isinstance(event, Scalars) and "val/mAP50" in event.values:
            seen.append(event.step)
        if len(seen) == 2 and isinstance(event, Progress) and event.step > seen[-1]:
            os.kill(worker.pid, signal.SIGKILL)

    killed = follow(again, kill_after_two_validations)
    assert "SIGKILL" in killed.ended.message, (killed.ended.message, killed.log[-4000:])
    assert any(isinstance(event, Resumed) for event in killed.events)

    last = follow(again)
    assert last.ended.status == "done", (last.ended.message, last.log[-4000:])
    [resumed] = [event for event in last.events if isinstance(event, Resumed)]
    assert resumed.step >= seen[0]
    assert last.scalars[-1].step == Lengths.of(dataset, job.recipe).total
