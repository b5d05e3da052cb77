from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from bunri.errors import ConfigError, DataError, UsageError
from bunri.files import read_json, write_json
from bunri.hypotheses import judge, plan
from bunri.io import load_dataset, write_coco
from experiment_files import IMAGES, TRAINING_IMAGES, write_experiment

PLAIN = {"experiment": "tiny.yaml", "seeds": [0, 1], "set": {"jobs": 1}}
NOISY = PLAIN | {"set": {"jobs": 1, "models.exact.set.noise": 14}}
CLAIM = {"claim": "noise hurts", "effect": "plain - noisy", "smallest_effect": 0.1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One for all tests, as runs that are there are taken."""
    folder = tmp_path_factory.mktemp("claims")
    write_experiment(folder, {"exact": {"steps": 4, "noise": 0}, "other": {"steps": 6}})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(Path(__file__).parents[1])  # where the fake engine is found
        yield folder


def write(folder: Path, arms: dict[str, Any], **claim: Any) -> Path:
    arms = {name: {"model": "exact"} | arm for name, arm in arms.items()}
    values = {"resamples": 200, "arms": arms, "hypotheses": {"H": CLAIM | claim}}
    path = folder / "claims.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def test_what_is_missing_is_trained_and_what_is_there_is_taken(folder: Path) -> None:
    path = write(folder, {"plain": PLAIN, "noisy": NOISY})
    planned = plan(path)
    assert [(run.model.name, run.action) for run in planned] == [("exact", "train")] * 8  # 2 arms, folds and seeds
    assert len({run.folder.path for run in planned}) == 8
    found = judge(path).to_dict()
    row = found["hypotheses"][0]
    assert row["verdict"] == "supported"
    assert row["images"] == TRAINING_IMAGES
    assert row["arms"]["plain"]["score"] == pytest.approx(1.0)
    assert row["seeds"] == {"plain": 2, "noisy": 2}
    assert {check["name"]: check["state"] for check in row["footing"]} == dict.fromkeys(
        ("images", "folds", "leaks", "score_floor", "tta", "iterations"), "equal"
    )
    runs = found["arms"]["noisy"]["runs"]
    assert len(runs) == 4
    assert all(Path(run, "manifest.json").exists() and "/tiny+" in run for run in runs)
    assert {run.action for run in plan(path)} == {"skip"}
    assert judge(path).to_dict() == found


def test_an_arm_without_overrides_shares_the_runs_of_the_experiment(folder: Path) -> None:
    from bunri.experiment import run

    run(folder / "tiny.yaml", ["ensemble=null"])
    before = (folder / "runs" / "tiny" / "leaderboard.json").read_bytes()
    path = write(folder, {"plain": {"experiment": "tiny.yaml"}, "noisy": {"experiment": "tiny.yaml", "model": "other"}})
    assert {planned.action for planned in plan(path)} == {"skip"}
    with pytest.raises(UsageError, match=r"hypotheses\.H: iterations must be equal, but plain: 4; noisy: 6"):
        judge(path)
    row = judge(
        write(
            folder,
            {"plain": {"experiment": "tiny.yaml"}, "noisy": {"experiment": "tiny.yaml", "model": "other"}},
            unequal={"iterations": "a test"},
        )
    )
    assert row.to_dict()["hypotheses"][0]["value"] == 0.0
    assert (folder / "runs" / "tiny" / "leaderboard.json").read_bytes() == before


def test_other_folds_are_refused(folder: Path) -> None:
    other = PLAIN | {"set": {"jobs": 1, "folds.seed": 3}, "seeds": [0]}
    with pytest.raises(UsageError, match=r"folds must be equal, but plain: 2 folds \(\w+\); noisy: 2 folds \(\w+\)"):
        judge(write(folder, {"plain": PLAIN, "noisy": other}))


def test_views_are_refused_where_there_are_none_and_models_must_be_named(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"arms\.noisy\.model: must be one of exact, other"):
        plan(write(folder, {"plain": PLAIN, "noisy": PLAIN | {"model": None}}))
    with pytest.raises(ConfigError, match=r"experiment tiny\+\w+ has no model 'exakt'; did you mean 'exact'"):
        plan(write(folder, {"plain": PLAIN, "noisy": PLAIN | {"model": "exakt"}}))
    with pytest.raises(ConfigError, match="foldz: unknown key"):
        plan(write(folder, {"plain": PLAIN, "noisy": PLAIN | {"set": {"foldz": 1}}}))


def test_photos_that_were_learned_by_the_model_that_judges_them_are_refused(folder: Path) -> None:
    path = write(folder, {"plain": PLAIN, "noisy": NOISY})
    judge(path)
    run = plan(path)[0].folder
    job = read_json(run.job_file, "the job")
    write_json(run.job_file, job | {"train": job["val"]})
    with pytest.raises(UsageError, match=r"leaks must be equal, but plain: 6 judged images were learned; noisy: 0"):
        judge(path)
    write_json(run.job_file, job)


def test_the_truth_may_be_another_file_of_the_same_photos(folder: Path) -> None:
    values = yaml.safe_load(write(folder, {"plain": PLAIN, "noisy": NOISY}).read_text())
    truth = load_dataset(folder / "photos.json")
    write_coco(truth.subset(truth.images.id[:8]), folder / "some.json")
    path = folder / "claims.yaml"
    path.write_text(yaml.safe_dump(values | {"truth": "some.json"}))
    assert judge(path).to_dict()["hypotheses"][0]["images"] == 8
    names = tuple(f"other{name}" for name in truth.images.file_name)
    write_coco(replace(truth, images=replace(truth.images, file_name=names)), folder / "some.json")
    with pytest.raises(
        DataError, match=r"must stand for the images of the truth, but 1 is 0001\.jpg here and other0001"
    ):
        judge(path)
    write_coco(replace(truth, class_names=("a", "b", "c")), folder / "some.json")
    with pytest.raises(DataError, match="must have the classes of the truth"):
        judge(path)


def test_arms_are_judged_on_the_test_photos_where_they_say_so(folder: Path) -> None:
    arms: dict[str, Any] = {"plain": PLAIN | {"judged_on": "test"}, "noisy": NOISY | {"judged_on": "test"}}
    path = write(folder, arms, equal=["images", "folds", "leaks", "iterations"])
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"truth": "photos.json"}))
    row = judge(path).to_dict()["hypotheses"][0]
    assert row["images"] == IMAGES - TRAINING_IMAGES
    assert row["arms"]["plain"]["score"] == pytest.approx(1.0)
    assert row["value"] > 0.1
    assert {check["state"] for check in row["footing"] if check["name"] in ("images", "folds", "leaks")} == {"equal"}


def test_an_experiment_without_test_photos_has_none_to_be_judged_on(folder: Path) -> None:
    values = yaml.safe_load((folder / "tiny.yaml").read_text())
    del values["data"]["test"]
    (folder / "lone.yaml").write_text(yaml.safe_dump(values))
    lone = {"experiment": "lone.yaml", "seeds": [0]}
    with pytest.raises(ConfigError, match=r"arms\.plain\.judged_on: lone must have data\.test"):
        judge(write(folder, {"plain": lone | {"judged_on": "test"}, "noisy": lone}))
