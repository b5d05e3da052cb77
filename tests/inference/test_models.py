"""What a path stands for: runs, models, ensembles and their recipes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bunri.errors import DataError, UsageError
from bunri.files import read_json, write_json
from bunri.inference import trained_model
from bunri.inference.models import classes_of_run, runs_below
from bunri.run_folder import RunFolder


def test_a_run_a_model_and_an_experiment(trained: Path) -> None:
    assert [run.path.name for run in trained_model(trained / "exact" / "fold0").runs] == ["fold0"]
    assert trained_model(trained / "exact").name == "exact"
    assert len(trained_model(trained / "exact").runs) == 2
    ensemble = trained_model(trained)
    assert (ensemble.name, {name: len(runs) for name, runs in ensemble.members.items()}) == (
        "ensemble",
        {"exact": 2, "rough": 2},
    )


def test_a_recipe_finds_its_members_beside_it(trained: Path) -> None:
    by_file = trained_model(trained / "ensemble" / "recipe.json")
    assert by_file.members == trained_model(trained).members


def test_a_recipe_elsewhere_is_told_where_its_members_are(trained: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "found.json"
    recipe.write_bytes((trained / "ensemble" / "recipe.json").read_bytes())
    with pytest.raises(UsageError, match="--member exact=FOLDER"):
        trained_model(recipe)
    folders = {"exact": trained / "exact" / "fold0", "rough": trained / "rough"}
    assert [len(runs) for runs in trained_model(recipe, folders).members.values()] == [1, 2]
    with pytest.raises(UsageError, match=r"must name a member of the recipe \(exact, rough\), but got other"):
        trained_model(recipe, folders | {"other": trained})


def test_members_go_with_a_recipe_only(trained: Path) -> None:
    with pytest.raises(UsageError, match="goes with the recipe"):
        trained_model(trained / "exact", {"exact": trained})


def test_only_some_folds(trained: Path) -> None:
    assert [run.path.name for run in trained_model(trained, folds=[1]).runs] == ["fold1", "fold1"]
    with pytest.raises(UsageError, match=r"exact was trained on \(0, 1\), but got \[7\]"):
        trained_model(trained, folds=[7])


def test_several_models_without_a_recipe_are_refused(trained: Path, tmp_path: Path) -> None:
    for name in ("exact", "rough"):
        (tmp_path / name).symlink_to(trained / name)
    for name in ("a", "b"):
        RunFolder(tmp_path / "two" / name).update_manifest({"status": "done", "model": name})
    with pytest.raises(UsageError, match="has runs of a, b"):
        trained_model(tmp_path / "two")


def test_a_folder_without_a_trained_run_is_refused(tmp_path: Path) -> None:
    RunFolder(tmp_path / "fold0").update_manifest({"status": "stopped"})
    with pytest.raises(UsageError, match="1 runs are in it and none is done"):
        runs_below(tmp_path)


def test_the_classes_are_those_of_the_runs(trained: Path) -> None:
    classes = trained_model(trained).classes()
    assert classes.class_names == ("Paper", "Metal", "Glass")
    assert classes.category_ids.tolist() == [1, 4, 7]
    assert len(classes) == 0


def test_members_of_other_classes_are_refused(trained: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.json"
    recipe.write_bytes((trained / "ensemble" / "recipe.json").read_bytes())
    manifest = read_json(trained / "exact" / "fold0" / "manifest.json", "the manifest")
    write_json(tmp_path / "other" / "manifest.json", {**manifest, "class_names": ["Glass", "Metal", "Paper"]})
    with pytest.raises(DataError, match="all members must have the same classes"):
        trained_model(recipe, {"exact": trained / "exact" / "fold0", "rough": tmp_path / "other"})


CURVE = {"method": "isotonic", "table": [np.linspace(0, 1, 201).tolist()]}
"""Of one class; the runs know three."""


@pytest.mark.parametrize(
    ("method", "parameters", "words"),
    [
        ("learned", {"format": 1}, "format 1 is not 2"),
        ("calibrated", {}, "must have curves of each member, but exact, rough has none"),
        ("calibrated", {"curves": {"exact": CURVE, "rough": CURVE}}, "the calibration has 1 classes"),
        ("per_class", {"plain": {}}, "a recipe by class must be whole"),
    ],
)
def test_a_recipe_that_cannot_be_applied_is_refused_before_a_model_is_loaded(
    trained: Path, tmp_path: Path, method: str, parameters: dict[str, Any], words: str
) -> None:
    recipe = read_json(trained / "ensemble" / "recipe.json", "the recipe")
    path = tmp_path / "other.json"
    write_json(path, recipe | {"method": method, "parameters": parameters})
    with pytest.raises(DataError, match=f"other.json must be one that can be applied to its members, but: .*{words}"):
        trained_model(path, {name: trained / name for name in ("exact", "rough")})


def test_a_manifest_without_classes_is_refused(tmp_path: Path) -> None:
    RunFolder(tmp_path).update_manifest({"status": "done"})
    with pytest.raises(DataError, match="it does not say class_names, category_ids"):
        classes_of_run(RunFolder(tmp_path))
