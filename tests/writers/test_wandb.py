import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from builders import make_dataset, make_predictions
from bunri.dataset import Dataset
from bunri.errors import MissingPackageError, UsageError
from bunri.events import Ended, Event, Facts, Resumed, Scalars
from bunri.files import write_json, write_text
from bunri.io import write_coco, write_predictions
from bunri.run_folder import RunFolder
from bunri.writers import RecordedRun, wandb_writer
from bunri.writers.wandb_photos import spread
from bunri.writers.wandb_writer import WandbSettings, WandbWriter, answers, check_wandb
from wandb_files import Kept, offline_runs, read_kept


@pytest.fixture(autouse=True)
def _without_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    before, variables = set(threading.enumerate()), set(os.environ)
    yield
    assert {name for name in set(os.environ) - variables if name.startswith("WANDB")} == set()
    assert wandb_writer._service._runs == 0
    assert [thread for thread in threading.enumerate() if thread not in before] == []


def recorded(folder: Path, dataset: Dataset | None = None) -> RecordedRun:
    run = RunFolder(folder / "run")
    write_text(run.resolved_config_file(), "builder: FCOS\narguments: {min_size: 64}\n")
    write_json(run.manifest_file, {"seed": 3, "status": "running"})
    val = None
    if dataset is not None:
        write_coco(dataset, folder / "val.json")
        val = (folder / "val.json", folder)
    return RecordedRun("trash", "fcos", "fcos fold0", run, recipe={"epochs": 12.0}, val=val)


def write_all(run: RecordedRun, events: list[Event], **settings: object) -> Kept:
    """What W&B kept of the events."""
    writer = WandbWriter(WandbSettings.validated(settings, "the test"), run)
    for event in events:
        writer.write(event)
    writer.close()
    return read_kept(offline_runs(run.folder)[-1])


def test_curves_configs_and_manifest(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = recorded(tmp_path)
    kept = write_all(
        run,
        [
            Facts({"weights": "none"}),
            Scalars(10, {"train/loss": 1.5, "lr/base": 0.1}, 0.5),
            Scalars(20, {"train/loss": 1.25}, 1.0),
            Scalars(20, {"val/mAP50": 0.5, "val/AP50/Paper & pack": 0.75}, 1.0),
            Ended("done"),
        ],
        tags=["street", "night"],
        entity="recycling",
    )
    assert (kept.run.project, kept.run.entity, kept.run.run_group) == ("trash", "recycling", "fcos")
    assert (kept.run.display_name, list(kept.run.tags)) == ("fcos fold0", ["street", "night"])
    assert kept.metrics == {"iteration": "", "*": "iteration"}
    curves = {
        name: [(row["iteration"], row[name]) for row in kept.rows if name in row]
        for name in ("train/loss", "lr/base", "val/mAP50", "val/AP50/Paper & pack", "epoch")
    }
    assert curves == {
        "train/loss": [(10, 1.5), (20, 1.25)],
        "lr/base": [(10, 0.1)],
        "val/mAP50": [(20, 0.5)],
        "val/AP50/Paper & pack": [(20, 0.75)],
        "epoch": [(10, 0.5), (20, 1.0)],
    }
    assert [row["_step"] for row in kept.rows] == [10, 20]
    assert kept.config["recipe"] == {"epochs": 12.0}
    assert kept.config["native"] == {"builder": "FCOS", "arguments": {"min_size": 64}}
    assert kept.config["manifest"] == {"seed": 3, "status": "running"}
    assert kept.summary["status"] == "done"
    assert capfd.readouterr() == ("", "")


def test_settings_of_the_experiment_come_before_the_defaults(tmp_path: Path) -> None:
    kept = write_all(
        recorded(tmp_path), [Scalars(1)], project="cans", group="two", run_name="night {model}", mode="offline"
    )
    assert (kept.run.project, kept.run.run_group, kept.run.display_name) == ("cans", "two", "night fcos")


def test_photos_with_boxes(tmp_path: Path) -> None:
    boxes = [(i, i % 3, (10.0, 20.0, 60.0, 70.0)) for i in range(1, 7)]
    dataset = make_dataset(boxes, image_folder=tmp_path)
    for name in dataset.images.file_name[:-1]:
        Image.fromarray(np.full((80, 100, 3), 99, np.uint8)).save(tmp_path / name)
    (tmp_path / dataset.images.file_name[-1]).write_text("not a photo")
    run = recorded(tmp_path, dataset)
    found = make_predictions([(1, 1, 0.9, (-10.0, 20.0, 50.0, 60.0)), (1, 0, 0.05, (0.0, 0.0, 9.0, 9.0))])
    write_predictions(found, run.folder.predictions_file("val"), dataset)
    kept = write_all(run, [Scalars(5, {"val/mAP50": 0.5}), Ended("done")], photos=3)
    [row] = [row for row in kept.rows if "predictions/path" in row]
    assert (row["iteration"], row["predictions/nrows"]) == (5, 2)
    [files] = kept.artifacts
    assert all(path.is_relative_to(tmp_path) for path in files.values())
    table = json.loads(files["predictions.table.json"].read_text())
    assert table["columns"] == ["file", "photo", "true boxes", "predicted boxes"]
    # of six photos the first, the third, and the last, which cannot be read
    assert [entry[0] for entry in table["data"]] == ["0001.jpg", "0003.jpg"]
    assert [entry[2:] for entry in table["data"]] == [[1, 1], [1, 0]]
    photo = table["data"][0][1]
    with Image.open(files[photo["path"]]) as picture:
        assert picture.size == (100, 80)
    [box] = photo["boxes"]["predictions"]
    assert box["position"] == {"minX": 0.0, "minY": 0.25, "maxX": 0.5, "maxY": 0.75}
    assert (box["class_id"], box["box_caption"], box["scores"]) == (1, "Metal 0.90", {"score": 0.9})
    [box] = photo["boxes"]["truth"]
    assert box["position"] == {"minX": 0.1, "minY": 0.25, "maxX": 0.6, "maxY": 0.875}


@pytest.mark.parametrize("end", [Ended("failed", "out of memory"), Ended("done")])
def test_without_predictions_or_photos_there_is_no_table(tmp_path: Path, end: Ended) -> None:
    kept = write_all(recorded(tmp_path, make_dataset()), [Scalars(5), end])
    assert not [row for row in kept.rows if "predictions/path" in row]
    assert kept.summary["status"] == end.status


def test_a_continued_run_is_the_same_run_and_its_steps_never_go_back(tmp_path: Path) -> None:
    run = recorded(tmp_path)
    events: list[Event] = [Scalars(step, {"train/loss": 1.0 / step}) for step in (1, 2, 3)]
    first = write_all(run, [*events, Ended("stopped")])
    again = [Scalars(step, {"train/loss": 1.0 / step}) for step in (3, 4)]
    second = write_all(run, [Resumed(2), *again, Ended("done")])
    assert first.run.run_id == second.run.run_id
    assert len(offline_runs(run.folder)) == 2
    assert [row["iteration"] for row in first.rows + second.rows] == [1, 2, 3, 4]
    assert [row["_step"] for row in first.rows + second.rows] == [1, 2, 3, 4]


def test_runs_at_once_are_kept_apart(tmp_path: Path) -> None:
    runs = [recorded(tmp_path / name) for name in ("a", "b")]
    writers = [WandbWriter(WandbSettings(), run) for run in runs]
    for step, writer in enumerate(writers):
        writer.write(Scalars(step + 1, {"train/loss": 1.0}))
    for writer in writers:
        writer.close()
    kept = [read_kept(offline_runs(run.folder)[-1]) for run in runs]
    assert [[row["iteration"] for row in one.rows] for one in kept] == [[1], [2]]
    assert kept[0].run.run_id != kept[1].run.run_id


def test_online_only_with_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    assert WandbSettings().chosen_mode() == "offline"
    check_wandb(WandbSettings())
    with pytest.raises(UsageError, match="mode online needs a key in WANDB_API_KEY"):
        check_wandb(WandbSettings(mode="online"))
    monkeypatch.setenv("WANDB_API_KEY", "planted-secret")
    check_wandb(WandbSettings(mode="online"))
    assert WandbSettings().chosen_mode() == "online"
    assert WandbSettings(mode="offline").chosen_mode() == "offline"
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert WandbSettings().chosen_mode() == "offline"


def test_a_missing_package_is_named_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "wandb", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'bunri\[wandb\]'"):
        check_wandb(WandbSettings())


class Refusing(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_error(403)

    def log_message(self, *words: object) -> None:
        pass


def test_a_server_that_does_not_answer_is_recorded_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        assert answers(address)
        thread.join()
    assert not answers(address)
    monkeypatch.setenv("WANDB_BASE_URL", address)
    monkeypatch.setenv("WANDB_API_KEY", "planted-secret")
    kept = write_all(recorded(tmp_path), [Scalars(1, {"train/loss": 1.0}), Ended("done")])
    assert [row["train/loss"] for row in kept.rows] == [1.0]
    assert "W&B does not answer; fcos fold0 is recorded for `wandb sync`" in capsys.readouterr().err


def test_photos_are_spread_evenly() -> None:
    assert spread(100, 4).tolist() == [0, 33, 66, 99]
    assert spread(3, 32).tolist() == [0, 1, 2]
    assert spread(1, 1).tolist() == [0]
