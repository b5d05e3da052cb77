"""A full disk under TensorBoard, W&B or MLflow: said once, and the training's result is the same."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bunri.experiment import run
from bunri.run_folder import RunFolder
from bunri.writers import background
from bunri.writers.jsonl import read_metrics
from experiment_files import TESTS, write_experiment
from small_disks import mounted

ONE_FOLD = {"count": 2, "run": [0], "near_duplicates": False}

Place = Callable[[Path], Path]

SERVICES: dict[str, tuple[dict[str, object], Place]] = {
    "tensorboard": ({"tensorboard": True}, lambda folder: folder / "a" / "fold0" / "tensorboard"),
    "wandb": ({"wandb": {"mode": "offline"}}, lambda folder: folder / "a" / "fold0" / "wandb"),
    "mlflow": ({"mlflow": {"tracking_uri": "sqlite:///{place}/kept.db"}}, lambda folder: folder / "mlflow"),
}
"""Settings of each, and the folder it writes to below that of the experiment."""


@pytest.fixture(params=SERVICES)
def experiment(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """An experiment whose service has a disk of its own."""
    settings, place_of = SERVICES[request.param]
    place = place_of(tmp_path / "runs" / "tiny")
    with mounted(place, "1m,nr_inodes=1"):  # no file has room, whatever is deleted
        for values in settings.values():
            if isinstance(values, dict):
                values |= {key: value.format(place=place) for key, value in values.items()}
        yield request.param, write_experiment(tmp_path, {"a": {"steps": 4}}, folds=ONE_FOLD, writers=settings)


def test_the_run_goes_on_and_what_failed_is_said_once(
    experiment: tuple[str, Path], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(TESTS)
    monkeypatch.setattr(background.Background.__init__, "__defaults__", (1000, 20.0))
    name, path = experiment
    before = set(threading.enumerate())
    board = run(path)
    told = [line for line in capfd.readouterr().err.splitlines() if line.startswith("warning:")]
    assert len(told) == 1
    assert f"the {name} writer failed and steps aside; the run goes on" in told[0]
    assert board.rows[0].mAP50 == pytest.approx(1.0)
    folder = RunFolder(path.parent / "runs" / "tiny" / "a" / "fold0")
    assert folder.status == "done"
    assert [row["step"] for row in read_metrics(folder.metrics_file)] == [1, 2, 2, 3, 4, 4]
    assert not [thread for thread in threading.enumerate() if thread not in before and not thread.daemon]
