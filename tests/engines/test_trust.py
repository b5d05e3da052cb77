"""Native configs that are code are run only after the user said that their source is trusted."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bunri.engines import worker
from bunri.engines.base import CheckJob, ModelToCheck
from bunri.engines.catalogue import engine_state
from bunri.engines.process import Worker, interpreter_of
from bunri.errors import ConfigError
from bunri.events import Ended
from bunri.experiment import run
from bunri.files import read_json, write_text
from engine_jobs import native_config
from experiment_files import TESTS, make_job, write_experiment
from fake_engine import FakeEngine

MARKS = "__import__('pathlib').Path({marker!r}).touch()"
"""An expression that leaves a file behind."""

TAGGED = "!!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path [{marker!r}]]"
"""A value of YAML that does."""

HOSTILE: Mapping[str, Mapping[str, str]] = {
    "mmdetection": {
        "line.py": MARKS,
        "base_line.py": "_base_ = [" + MARKS + " or 'retinanet/retinanet_r50_fpn_1x_coco.py']\n",
        "own_base.py": "_base_ = 'line.py'\n",
        "lazy.py": "from mmengine.config import read_base\nwith read_base():\n    from .line import *\n",
        "tag.yaml": f"_base_: retinanet/retinanet_r50_fpn_1x_coco.py\nmodel: {TAGGED}\n",
        "base_in_tag.yaml": f"_base_: {TAGGED}\n",
        "imports.yaml": "custom_imports: {imports: [leaves_a_mark]}\n",
        "named.json": json.dumps({"model": {"type": "leaves_a_mark.Thing"}}),
        "scope.yaml": "default_scope: leaves_a_mark\nmodel: {type: Thing}\n",
    },
    "detectron2": {
        "line.py": MARKS,
        "model.py": "model = " + MARKS,
        "import.py": "import leaves_a_mark\n",
        "target.yaml": "model: {_target_: leaves_a_mark.Thing}\n",
        "tag.yaml": f"model: {TAGGED}\n",
        "yacs_tag.yaml": f"MODEL: {{WEIGHTS: {TAGGED}}}\n",
        "yacs_base.yaml": f"_BASE_: {TAGGED}\n",
        "yacs_base_file.yaml": "_BASE_: line.py\n",
    },
    "ultralytics": {
        "tag.yaml": f"model: yolov8n.yaml\nimgsz: {TAGGED}\n",
        "activation.yaml": "model: activated.yaml\n",
    },
}
"""By engine: configs of a stranger."""

DATA = ("yacs_tag.yaml", "yacs_base.yaml", "yacs_base_file.yaml", "tag.yaml", "activation.yaml")
"""Kinds of configs that may be read at once, of which code must be refused as no data."""


def write_strangers_files(folder: Path, configs: Mapping[str, str], marker: Path) -> None:
    """Configs, and beside them a module that leaves the marker when it is imported."""
    for name, text in configs.items():
        write_text(folder / name, text.replace("{marker!r}", repr(str(marker))))
    write_text(folder / "leaves_a_mark.py", f"{MARKS}\nclass Thing: ...\n".replace("{marker!r}", repr(str(marker))))
    layers = "backbone: [[-1, 1, Conv, [8, 3, 2]]]\nhead: [[[0], 1, Detect, [nc]]]\n"
    write_text(folder / "activated.yaml", f'activation: "{MARKS}"\n{layers}'.replace("{marker!r}", repr(str(marker))))


def asked(engine: str, folder: Path, configs: Mapping[str, Path], trust: bool = False) -> dict[str, list[str]]:
    """What an engine's worker finds wrong with configs, modules beside them in its path."""
    models = tuple(ModelToCheck(name=name, config=path, trust=trust) for name, path in configs.items())
    job = CheckJob(engine=engine, models=models, answer=folder / "answer.json", python_path=(folder,))
    write_text(folder / "job.json", job.model_dump_json())
    with Worker(folder / "job.json", folder / "log.txt", interpreter_of(engine)) as process:
        *_, ended = process.events()
    assert isinstance(ended, Ended)
    assert ended.status == "done", (ended.message, (folder / "log.txt").read_text())
    return {name: answer["mistakes"] for name, answer in read_json(job.answer, "the answer").items()}


def skip_unless_installed(engine: str) -> None:
    state = engine_state(engine)
    if not state.ready:
        pytest.skip(f"{engine} is not installed: {state.install}")


@pytest.mark.parametrize("engine", HOSTILE)
def test_nothing_of_a_strangers_config_is_run(engine: str, tmp_path: Path) -> None:
    skip_unless_installed(engine)
    marker = tmp_path / "marker"
    write_strangers_files(tmp_path, HOSTILE[engine], marker)
    mistakes = asked(engine, tmp_path, {name: tmp_path / name for name in HOSTILE[engine]})
    assert not marker.exists()
    for name, [mistake] in mistakes.items():
        assert name in DATA or f"config: {tmp_path / name} is code" in mistake, mistake
        assert name in DATA or "trust: true" in mistake
    assert all(mistakes.values())


@pytest.mark.parametrize("engine", ["mmdetection", "detectron2"])
def test_a_trusted_config_is_run(engine: str, tmp_path: Path) -> None:
    skip_unless_installed(engine)
    marker = tmp_path / "marker"
    write_strangers_files(tmp_path, HOSTILE[engine], marker)
    asked(engine, tmp_path, {"line.py": tmp_path / "line.py"}, trust=True)
    assert marker.exists()


def test_configs_that_come_with_a_framework_need_no_word(tmp_path: Path) -> None:
    skip_unless_installed("detectron2")
    names = ("COCO-Detection/fcos_R_50_FPN_1x.py", "COCO-Detection/retinanet_R_50_FPN_1x.yaml")
    assert asked("detectron2", tmp_path, {name: Path(name) for name in names}) == {name: [] for name in names}


@pytest.mark.parametrize("engine", ["torchvision", "effdet", "ultralytics", "detectron2"])
def test_configs_that_are_data_need_no_word(engine: str, tmp_path: Path) -> None:
    skip_unless_installed(engine)
    assert asked(engine, tmp_path, {"small": native_config(engine)}) == {"small": []}


class CodeEngine(FakeEngine):
    """Its native configs are code."""

    def is_code(self, config: Path) -> bool:
        return config.name != "shipped.yaml"

    def resolve(self, config: Path, overrides: Mapping[str, Any]) -> Any:
        (config.parent / "run").touch()
        return super().resolve(config, overrides)


def test_a_job_made_by_hand_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    job = make_job(tmp_path, engine="test_trust:CodeEngine")
    with pytest.raises(ConfigError, match="is code, which the framework runs"):
        worker.run_job(job, lambda event: None)
    assert not (tmp_path / "run").exists()


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An experiment whose model's config is code."""
    monkeypatch.chdir(TESTS)
    folders = [str(TESTS), str(TESTS / "engines")]
    fold = {"count": 2, "run": [0], "near_duplicates": False}
    path = write_experiment(tmp_path, folds=fold, python_path=folders, ensemble={"method": "wbf"})
    write_text(path, path.read_text().replace("fake_engine:FakeEngine", "test_trust:CodeEngine"))
    return path


def test_an_experiment_is_refused_with_the_file_and_the_switch(experiment: Path) -> None:
    with pytest.raises(ConfigError, match=r"models\.exact: config: \S+exact\.yaml is code") as refused:
        run(experiment)
    assert refused.value.exit_code == 2
    assert "`trust: true`" in str(refused.value)
    assert not (experiment.parent / "run").exists()
    assert not (experiment.parent / "runs" / "tiny" / "exact").exists()


def test_it_runs_once_the_user_has_said_so(experiment: Path) -> None:
    board = run(experiment, ("models.exact.trust=true",))
    assert (experiment.parent / "run").exists()
    assert json.loads((board.folder / "exact" / "fold0" / "job.json").read_text())["trust"] is True
