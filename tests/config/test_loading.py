from pathlib import Path

import pytest
import yaml

from bunri.config import load_experiment
from bunri.errors import ConfigError
from experiment_files import write_experiment


def test_defaults_and_paths(tmp_path: Path) -> None:
    experiment = load_experiment(write_experiment(tmp_path))
    assert experiment.name == "tiny"  # the stem of the file
    assert experiment.data.annotations == tmp_path / "photos.json"
    assert experiment.models[0].config == tmp_path / "exact.yaml"
    assert experiment.folds.to_run == (0, 1)
    assert experiment.folder == tmp_path / "runs" / "tiny"


def test_a_models_recipe_is_merged_over_the_common_one(tmp_path: Path) -> None:
    path = write_experiment(tmp_path, recipe={"epochs": 7, "optimizer": {"name": "SGD", "lr": 0.5}})
    experiment = load_experiment(path, ["models.exact.recipe.optimizer.lr=0.25", "models.exact.recipe.iterations=9"])
    recipe = experiment.model("exact").recipe
    assert (recipe.optimizer.name, recipe.optimizer.lr) == ("SGD", 0.25)
    assert (recipe.epochs, recipe.iterations) == (None, 9)
    assert experiment.recipe.epochs == 7


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (("models.exact.resources.gpus=1.5",), "models.exact.resources.gpus: must be a share of one GPU or a whole"),
        (
            ("models.exact.resources.gpus=2", "models.exact.resources.processes=3"),
            "models.exact.resources.processes: each process has a GPU of its own, so with 2 gpus leave it out",
        ),
        (
            ("models.exact.resources.gpus=0.5", "models.exact.resources.processes=2"),
            "models.exact.resources.processes: each process has a GPU of its own, so with 0.5 gpus leave it out",
        ),
        (
            ("models.exact.resources.gpus=2", "device=cpu"),
            "device: exact asks for several gpus; on the CPU say resources.processes in their place",
        ),
    ],
)
def test_processes_and_gpus_that_do_not_go_together_are_refused(
    tmp_path: Path, overrides: tuple[str, ...], told: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_experiment(write_experiment(tmp_path), list(overrides))
    assert told in str(caught.value)


def test_variables_in_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUNRI_TEST_FOLDER", str(tmp_path))
    monkeypatch.delenv("BUNRI_TEST_ABSENT", raising=False)
    path = write_experiment(tmp_path)
    for text in ("${BUNRI_TEST_FOLDER}/photos.json", "${BUNRI_TEST_ABSENT:-.}/photos.json"):
        experiment = load_experiment(path, [f"data.annotations={text}"])
        assert experiment.data.annotations == tmp_path / "photos.json"
    with pytest.raises(ConfigError, match=r"data\.annotations: the environment variable BUNRI_TEST_ABSENT must be set"):
        load_experiment(path, ["data.annotations=${BUNRI_TEST_ABSENT}/photos.json"])


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    path = write_experiment(tmp_path)
    values = yaml.safe_load(path.read_text())
    values["job"] = 2
    values["data"]["annotation"] = "x.json"
    values["data"]["images"] = "nowhere"
    values["recipe"] = {"optimiser": {}, "ema": 2}
    values["folds"] = {"count": 3, "run": [0, 3]}
    values["models"][0] |= {"config": "absent.yaml", "stages": "three", "recipe": {"optimizer": {"learning_rate": 1}}}
    values["models"].append({"name": "exact", "engine": "torchvison", "config": "exact.yaml"})
    values["models"].append({"name": "exact", "config": "exact.yaml", "recipe": {"epochs": 2, "iterations": 3}})
    values["engines"] = {"torchvisoin": {}}
    values["ensemble"] = {"weights": {"exakt": 2}, "families": ["fussed"]}
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(ConfigError) as caught:
        load_experiment(path)
    message = str(caught.value)
    for line in (
        "job: unknown key; did you mean 'jobs'?",
        "data.annotation: unknown key; did you mean 'annotations'?",
        f"data.images: must be a folder, tar or URL of photos, but {tmp_path / 'nowhere'} is none",
        "recipe.optimiser: unknown key; did you mean 'optimizer'?",
        "recipe.ema: Input should be less than 1, got 2",
        "folds.run: must name folds from 0 to 2, each once, got [0, 3]",
        f"models.exact.config: must be a file, but {tmp_path / 'absent.yaml'} is none",
        "models.exact.stages: Input should be 'one', 'two' or 'transformer', got 'three'",
        "models.exact.recipe.optimizer.learning_rate: unknown key",
        "models.exact.recipe.iterations: give epochs or iterations, not both, got 3",
        "models.exact: names must differ, but 3 are the same",
        "models.exact.engine: 'torchvison' is unknown; did you mean 'torchvision'?",
        "engines.torchvisoin: no model has this engine; did you mean 'torchvision'?",
        "ensemble.families: 'fussed' is unknown; did you mean 'fused'?",
        "ensemble.weights.exakt: there is no model of this name; did you mean 'exact'?",
    ):
        assert f"  {line}" in message, line
    assert f"{tmp_path / 'tiny.yaml'} has 15 mistakes:" in message
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("name", ["ensemble", "data", "../up", "a/b", "", ".hidden"])
def test_names_that_cannot_be_folders_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="name"):
        load_experiment(write_experiment(tmp_path), [f"models.0.name={name}"])


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "a: [1\n", "\x00"])
def test_files_that_are_no_mapping_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "e.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"e\.yaml"):
        load_experiment(tmp_path / "e.yaml")


@pytest.mark.parametrize(
    "entry", ["models=[1, two]", "models=null", "models=[]", "data=5", "recipe=[1]", "models.exact.recipe=3"]
)
def test_values_of_the_wrong_shape_are_refused_not_crashed_on(tmp_path: Path, entry: str) -> None:
    with pytest.raises(ConfigError, match=entry.partition("=")[0].partition(".")[0]):
        load_experiment(write_experiment(tmp_path), [entry])
