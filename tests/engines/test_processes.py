"""Two processes on the CPU train what one trains: the same photos, batches and steps, and a model as good."""

from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import bunri
from bunri.engines.catalogue import engine_state
from bunri.engines.process import Worker
from bunri.events import Event, Progress, Resumed
from bunri.io import read_predictions
from engine_jobs import Followed, awkward_dataset, built_in_engines, follow, make_engine_job
from experiment_files import TESTS
from seen_photos import seen_by
from test_learning import lesson_of
from torchvision_jobs import MODEL, write_photos

pytestmark = pytest.mark.engines

RETINANET = MODEL | {"builder": "RetinaNet", "backbone": MODEL["backbone"] | {"norm": "frozen"}}
"""Its loss is a mean over photos, and its norms stand still: processes make no difference but in rounding."""


def skip_where_absent(engine: str) -> None:
    state = engine_state(engine)
    if not state.ready:
        pytest.skip(f"{engine} is not installed: {state.install}")


def trained(engine: str, folder: Path, processes: int, recipe: dict[str, Any], **changes: Any) -> Followed:
    """A training that is done; its photos are written down in ``photos.<rank>``."""
    dataset = awkward_dataset(folder / "photos")
    augment = [{"seen_photos:Seen": {"file": str(folder / "photos")}}]
    values = {"processes": processes, "threads": 2, "tasks": ("train",), "python_path": (TESTS,), **changes}
    run = follow(make_engine_job(engine, folder, dataset, recipe | {"augment": augment}, **values))
    assert run.ended.status == "done", (run.ended.message, run.log[-4000:])
    return run


@pytest.mark.parametrize("engine", built_in_engines())
def test_two_processes_see_the_photos_of_one_in_turns(engine: str, tmp_path: Path) -> None:
    skip_where_absent(engine)
    recipe: dict[str, Any] = {"iterations": 9, "batch_size": 4, "validate_every": 2}  # four passes over nine photos
    recipe["sampler"] = {"repeat_factor_threshold": 0.0}  # else Detectron2 puts photos of one shape together
    one, two = (trained(engine, tmp_path / str(n), n, recipe) for n in (1, 2))
    order = seen_by(tmp_path / "1" / "photos", 0)
    shares = [seen_by(tmp_path / "2" / "photos", rank) for rank in (0, 1)]
    assert list(chain(*zip(*shares, strict=True))) == order
    passes = [sorted(order[start : start + 9]) for start in range(0, 36, 9)]
    assert passes == [sorted(set(order))] * 4
    assert [step for step, _ in two.values("val/mAP50")] == [step for step, _ in one.values("val/mAP50")]
    assert two.scalars[-1].step == 9


def test_they_learn_the_same_up_to_rounding(tmp_path: Path) -> None:
    config = tmp_path / "retinanet.yaml"
    config.write_text(yaml.safe_dump(RETINANET))
    recipe = {"iterations": 10, "batch_size": 4, "optimizer": {"name": "SGD", "lr": 0.01}}
    one, two = (trained("torchvision", tmp_path / str(n), n, recipe, config=config) for n in (1, 2))
    assert two.values("train/loss")[0][1] == pytest.approx(one.values("train/loss")[0][1], rel=1e-4)
    for name in ("train/loss/classification", "train/loss/bbox_regression", "val/mAP50", "lr/base"):
        assert dict(two.values(name)) == pytest.approx(dict(one.values(name)), rel=1e-3, abs=1e-4), name
    weights = [torch.load(run.job.folder.checkpoint_file("last"), weights_only=True)["model"] for run in (one, two)]
    for name, tensor in weights[0].items():
        assert torch.allclose(weights[1][name], tensor, atol=1e-4), name


@pytest.mark.parametrize("engine", built_in_engines())
def test_a_model_of_two_processes_is_as_good(engine: str, tmp_path: Path) -> None:
    """Nearly as far as in ``test_learning``, as live batch norms see two photos here and four there."""
    skip_where_absent(engine)
    lesson, dataset = lesson_of(engine), write_photos(tmp_path / "photos", 16)
    values = {"overrides": lesson.get("set", {}), "processes": 2, "threads": 2}
    job = make_engine_job(engine, tmp_path, dataset, lesson["recipe"], **values)
    run = follow(job)
    assert run.ended.status == "done", (run.ended.message, run.log[-4000:])
    found = read_predictions(job.folder.predictions_file("val"), dataset)
    assert bunri.evaluate(found, dataset).mAP50 >= 0.75


@pytest.mark.parametrize("engine", built_in_engines())
def test_two_processes_stop_and_go_on_where_they_were(engine: str, tmp_path: Path) -> None:
    skip_where_absent(engine)
    recipe: dict[str, Any] = {"iterations": 9, "batch_size": 4, "validate_every": 2}
    dataset = awkward_dataset(tmp_path / "data")
    recipe["augment"] = [{"seen_photos:Seen": {"file": str(tmp_path / "photos")}}]
    values = {"processes": 2, "threads": 2, "tasks": ("train",), "python_path": (TESTS,)}
    job = make_engine_job(engine, tmp_path, dataset, recipe, **values)

    def stop(event: Event, worker: Worker) -> None:
        if event == Progress(2):
            worker.stop()

    stopped = follow(job, stop)
    assert stopped.ended.status == "stopped", (stopped.ended.message, stopped.log[-4000:])
    done = len(seen_by(tmp_path / "photos", 1)) // 2
    resumed = follow(job.model_copy(update={"resume": True}))
    assert resumed.ended.status == "done", (resumed.ended.message, resumed.log[-4000:])
    [at] = [event.step for event in resumed.events if isinstance(event, Resumed)]
    assert 2 <= at <= done
    again = [seen_by(tmp_path / "photos", rank)[-2 * (9 - at) :] for rank in (0, 1)]
    whole = trained(engine, tmp_path / "whole", 1, recipe)
    assert whole.ended.status == "done"
    assert list(chain(*zip(*again, strict=True))) == seen_by(tmp_path / "whole" / "photos", 0)[4 * at :]
