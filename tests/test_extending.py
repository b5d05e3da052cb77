"""The files of docs/extending.md, written to a folder and run as they are."""

import json
import re
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from bunri.cli import main
from bunri.engines import base
from bunri.engines.base import Job, StopRequested, engine_by_name
from bunri.events import Event, Resumed, Scalars
from bunri.files import read_json
from bunri.io import load_dataset, write_coco
from bunri.run_folder import RunFolder
from bunri.sampling import SamplerSettings, factors_of
from bunri.user_code import found_in
from bunri.writers.jsonl import read_metrics
from torchvision_jobs import MODEL, write_photos

PAGE = Path(__file__).parents[1] / "docs" / "extending.md"
BLOCK = re.compile(r"^`([\w.]+)`:\n\n```(?:python|yaml)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def files_of_the_page() -> dict[str, str]:
    return dict(BLOCK.findall(PAGE.read_text(encoding="utf-8")))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """The page's files beside a small data set and a native config; their modules are forgotten afterwards."""
    for name, text in files_of_the_page().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "fcos.yaml").write_text(yaml.safe_dump(MODEL))
    write_coco(write_photos(tmp_path / "photos", count=8), tmp_path / "photos.json")
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("my_")]:
        del sys.modules[name]


class Channel(BaseHTTPRequestHandler):
    """Takes messages."""

    messages: list[dict[str, str]] = []

    def do_POST(self) -> None:
        self.messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def channel(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, str]]]:
    """What was sent to the page's writer."""
    with HTTPServer(("127.0.0.1", 0), Channel) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        monkeypatch.setenv("SLACK_WEBHOOK", f"http://127.0.0.1:{server.server_port}/hook")
        monkeypatch.setattr(Channel, "messages", [])
        yield Channel.messages
        server.shutdown()
        thread.join()


def bunri(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["bunri", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_the_page_shows_a_file_for_each() -> None:
    kinds = ("optimizers", "samplers", "transforms", "writers", "engine", "library")
    names = {f"my_{kind}.py" for kind in kinds}
    assert set(files_of_the_page()) == {"trash.yaml", "average.yaml", *names}


def test_all_of_the_page_in_one_experiment(
    folder: Path,
    channel: list[dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    assert bunri(monkeypatch, "run", "trash.yaml", "jobs=2") == 0
    told = capfd.readouterr()
    assert "sampler of fcos (my_samplers:by_rarest_class(power=0.5)) on what fold 0 learns from:" in told.err
    assert [line.split()[0] for line in told.out.splitlines()[1:4]] == ["fcos", "average", "ensemble"]
    assert "steps aside" not in told.err

    runs = {name: RunFolder(folder / "runs" / "trash" / name / "fold0") for name in ("fcos", "average")}
    assert [row["step"] for row in read_metrics(runs["fcos"].metrics_file) if "train/loss" in row] == [4]
    losses = [row["train/loss"] for row in read_metrics(runs["average"].metrics_file) if "train/loss" in row]
    assert len(losses) == 5
    assert losses == sorted(losses, reverse=True)
    assert sorted(message["text"].split(",")[0] for message in channel) == [
        "trash: average fold0 done",
        "trash: fcos fold0 done",
    ]
    assert {message["channel"] for message in channel} == {"#trash"}
    [kept] = read_json(folder / "runs" / "trash" / "exposure.json", "the exposure")
    assert kept["models"] == ["fcos"]


def test_mistakes_in_each_are_told_before_anything_trains(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    rough = "  - {name: rough, engine: my_engine:AverageBox, config: average.yaml}\nwriters:\n"
    experiment = (folder / "trash.yaml").read_text()
    (folder / "trash.yaml").write_text(experiment.replace("writers:\n", rough))
    recipe = "models.fcos.recipe"
    wrong = [
        f"{recipe}.optimizer.arguments.weight_deca=1",
        f"{recipe}.sampler.arguments.powr=1",
        f"{recipe}.augment=[{{my_transforms.Spot: {{}}}}]",
        "models.average.set.momentun=0.9",
        "models.rough.recipe.ema=0.9",
    ]
    assert bunri(monkeypatch, "run", "trash.yaml", *wrong, "--dry-run") == 2
    words = capfd.readouterr().err
    assert (
        "recipe.optimizer.arguments.weight_deca: my_optimizers.Lion takes no such; did you mean 'weight_decay'" in words
    )
    assert "recipe.sampler.arguments: it is called with" in words
    assert "module 'my_transforms' has no 'Spot'; did you mean 'Spots'" in words
    assert "models.rough: recipe.ema: this engine looks at no photo and has no weights" in words
    assert "momentun: unknown key; did you mean 'momentum'" in words
    assert bunri(monkeypatch, "run", "trash.yaml", "writers.custom=[my_writers:SlakWriter]", "--dry-run") == 2
    assert "did you mean 'SlackWriter'" in capfd.readouterr().err


def average_job(folder: Path, **changes: Any) -> Job:
    photos = {"annotations": folder / "photos.json", "images": folder / "photos"}
    values = {"engine": "my_engine:AverageBox", "config": folder / "average.yaml", "run_folder": folder / "run"}
    recipe = {"epochs": 4, "sampler": {"repeat_factor_threshold": 1.0}}
    return Job.validated({**values, "recipe": recipe, "train": photos, "val": photos, **changes}, "the test")


def scalars(events: list[Event]) -> list[tuple[int, Any]]:
    return [(event.step, event.values) for event in events if isinstance(event, Scalars)]


def test_the_engine_stops_when_asked_and_goes_on_to_the_same_numbers(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "_stop", type(base._stop)())
    with found_in([folder]):
        engine = engine_by_name("my_engine:AverageBox")
        whole: list[Event] = []
        engine.train(average_job(folder, run_folder=folder / "whole"), whole.append)
        parts: list[Event] = []
        base.request_stop()
        with pytest.raises(StopRequested):
            engine.train(average_job(folder), parts.append)
        base._stop.clear()
        engine.train(average_job(folder, resume=True), parts.append)
    assert Resumed(1) in parts
    assert scalars(parts) == scalars(whole)
    assert (folder / "run/checkpoints/best.pt").read_bytes() == (folder / "whole/checkpoints/best.pt").read_bytes()


def test_the_sampler_shows_the_rarest_class_most(folder: Path) -> None:
    data = load_dataset(folder / "photos.json")
    with found_in([folder]):
        factors = factors_of(data, SamplerSettings(name="my_samplers:by_rarest_class", arguments={"power": 1.0}))
    counts = data.boxes_per_class()
    rare = data.annotations.image_id[data.annotations.class_index == counts.argmin()]
    assert factors[data.rows_of(rare)] == pytest.approx(counts.max() / counts.min())
    assert factors[~np.isin(data.images.id, rare)] == pytest.approx(1.0)


def test_the_augmentation_is_a_function_of_the_seed(folder: Path) -> None:
    from bunri.augment import Augmenter

    photo = np.zeros((60, 90, 3), np.uint8)
    boxes = np.array([[5.0, 5.0, 50.0, 50.0]])
    with found_in([folder]):
        augmenter = Augmenter(({"my_transforms.Spots": {"p": 1.0}},))
    first, second, third = (augmenter(photo, boxes, np.array([0]), seed)[0] for seed in (1, 1, 2))
    assert 0 < (first == 128).sum() < first.size / 4
    np.testing.assert_array_equal(first, second)
    assert (first != third).any()
