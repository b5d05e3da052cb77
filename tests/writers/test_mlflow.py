import threading
from pathlib import Path
from typing import Any

import pytest

from bunri.errors import ConfigError
from bunri.events import Ended, Resumed, Scalars
from bunri.files import write_json
from bunri.run_folder import RunFolder
from bunri.writers import RecordedRun, WritersSettings
from bunri.writers.mlflow_writer import MLflowSettings, MLflowWriter, _client_of, accepted, flattened


@pytest.fixture(scope="module")
def experiment_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("experiment")


@pytest.fixture(autouse=True)
def _no_server_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def recorded(experiment_folder: Path, model: str) -> RecordedRun:
    folder = RunFolder(experiment_folder / model / "fold0")
    recipe = {"epochs": 12.0, "optimizer": {"name": "AdamW", "arguments": {}}}
    return RecordedRun("trash", model, f"{model} fold0", folder, experiment_folder=experiment_folder, recipe=recipe)


def stored_run(experiment_folder: Path, name: str) -> tuple[Any, Any]:
    """The client and the only run of that name."""
    client = _client_of(f"sqlite:///{experiment_folder / 'mlflow.db'}")[0]
    experiment = client.get_experiment_by_name("trash")
    [run] = client.search_runs([experiment.experiment_id], f"tags.`mlflow.runName` = '{name}'")
    return client, run


def curve(client: Any, run: Any, name: str) -> list[tuple[int, float]]:
    return [(metric.step, metric.value) for metric in client.get_metric_history(run.info.run_id, name)]


def test_a_run_is_kept_in_a_local_database(experiment_folder: Path) -> None:
    run = recorded(experiment_folder, "fcos")
    write_json(run.folder.manifest_file, {"seed": 7})
    writer = MLflowWriter(MLflowSettings(tags={"team": "recycling"}), run)
    writer.write(Scalars(10, {"train/loss": 1.5, "train/loss/box": 0.5}, 0.5))
    writer.write(Scalars(20, {"val/mAP50": 0.25, "val/AP50/Paper & pack": 0.75}, 1.0))
    writer.write(Ended("done"))
    writer.close()
    client, stored = stored_run(experiment_folder, "fcos fold0")
    assert stored.info.status == "FINISHED"
    assert stored.data.tags["model"] == "fcos"
    assert stored.data.tags["team"] == "recycling"
    assert stored.data.params["recipe.optimizer.name"] == "AdamW"
    assert curve(client, stored, "train/loss") == [(10, 1.5)]
    assert curve(client, stored, "train/loss/box") == [(10, 0.5)]
    assert curve(client, stored, "val/AP50/Paper _ pack") == [(20, 0.75)]
    assert curve(client, stored, "epoch") == [(10, 0.5), (20, 1.0)]
    assert [file.path for file in client.list_artifacts(stored.info.run_id)] == ["manifest.json"]
    assert not [thread for thread in threading.enumerate() if "MLflow" in thread.name]


def test_a_continued_run_goes_on(experiment_folder: Path) -> None:
    for start, status in (((1, 2, 3), "stopped"), ((3, 4), "done")):  # killed after 3, its checkpoint is of 2
        writer = MLflowWriter(MLflowSettings(), recorded(experiment_folder, "retinanet"))
        writer.write(Resumed(2))
        for step in start:
            writer.write(Scalars(step, {"train/loss": 1.0 / step}))
        writer.write(Ended("stopped" if status == "stopped" else "done"))
        writer.close()
        client, stored = stored_run(experiment_folder, "retinanet fold0")
        assert stored.info.status == ("KILLED" if status == "stopped" else "FINISHED")
    assert [step for step, _ in curve(client, stored, "train/loss")] == [1, 2, 3, 4]


def test_a_password_in_the_address_is_refused() -> None:
    assert MLflowSettings(tracking_uri="https://mlflow.example.org").tracking_uri is not None
    with pytest.raises(ConfigError, match=r"mlflow\.tracking_uri: .*must have no password"):
        WritersSettings.validated({"mlflow": {"tracking_uri": "https://me:secret@example.org"}}, "writers")


def test_names_and_nested_values() -> None:
    assert accepted("val/AP50/종이: a.b_c-d") == "val/AP50/종이: a.b_c-d"
    assert flattened({"a": {"b": {"c": 1}, "d": {}}, "e": [2]}) == {"a.b.c": 1, "a.d": {}, "e": [2]}
