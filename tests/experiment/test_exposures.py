import sys
from pathlib import Path
from typing import Any

import pytest

from bunri.cli.exposures import say_exposures
from bunri.config import load_experiment
from bunri.errors import ConfigError
from bunri.experiment.data import load_data
from bunri.experiment.exposures import SamplerExposure, exposures_of
from bunri.experiment.plan import planned_runs
from bunri.experiment.running import dry_run
from bunri.files import read_json
from bunri.user_code import found_in
from experiment_files import TESTS, write_experiment

OWN = """
import numpy as np

def of_glass(dataset, factor, base=1.0):
    glass = dataset.class_names.index("Glass")
    ids = dataset.annotations.image_id[dataset.annotations.class_index == glass]
    return np.where(np.isin(dataset.images.id, ids), factor, base)
"""


def experiment_with(folder: Path, *samplers: dict[str, Any], **changes: Any) -> Path:
    """One model with each of the samplers, named m0, m1, ..."""
    path = write_experiment(folder, {f"m{k}": {"steps": 2} for k in range(len(samplers))}, **changes)
    text = path.read_text()
    for k, sampler in enumerate(samplers):
        text = text.replace(f"name: m{k}\n", f"name: m{k}\n  recipe: {{sampler: {sampler}}}\n")
    path.write_text(text)
    return path


def exposures(path: Path) -> tuple[SamplerExposure, ...]:
    experiment = load_experiment(path)
    with found_in(experiment.python_path):
        return exposures_of(planned_runs(experiment), load_data(experiment))


def test_models_with_the_same_sampler_are_told_of_once(tmp_path: Path) -> None:
    high, low = {"repeat_factor_threshold": 0.64}, {"repeat_factor_threshold": 0.01}
    found = exposures(experiment_with(tmp_path, {}, high, high, low, folds={"count": 2, "near_duplicates": False}))
    assert [one.models for one in found] == [("m1", "m2"), ("m3",)]
    first, second = found
    assert (first.fold, first.images) == (0, 6)
    assert first.exposure is not None
    # of the six images two show each class: f = 1/3, sqrt(0.64 * 3) = 1.386
    assert first.exposure.boxes.tolist() == [2, 2, 2]
    assert first.exposure.boxes_sampled.tolist() == pytest.approx([2 * (0.64 * 3) ** 0.5] * 3)
    assert first.exposure.epoch_length_ratio == pytest.approx((0.64 * 3) ** 0.5)
    assert first.exposure.warning is None
    assert second.exposure is not None
    assert "changes nothing" in str(second.exposure.warning)


def test_a_sampler_of_the_users_own_is_told_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "exposure_samplers.py").write_text(OWN)
    own = {"name": "exposure_samplers:of_glass", "arguments": {"factor": 4}}
    found = exposures(experiment_with(tmp_path, own, {"name": "not_here:f"}))
    say_exposures(found)
    told, unknown = found
    assert told.exposure is not None
    assert told.to_dict()["classes"][2] == {
        "class": "Glass",
        "boxes": 2,
        "boxes_sampled": 8.0,
        "share": 0.333333,
        "share_sampled": 0.666667,
    }
    assert unknown.exposure is None
    assert capsys.readouterr().err.splitlines() == [
        "sampler of m0 (exposure_samplers:of_glass(factor=4)) on what fold 0 learns from:",
        "class  boxes  share  sampled  share",
        "Paper      2  33.3%      2.0  16.7%",
        "Metal      2  33.3%      2.0  16.7%",
        "Glass      2  33.3%      8.0  66.7%",
        "an epoch is 2 times as long: 12.0 images in place of 6",
        "sampler of m1 (not_here:f()) on what fold 0 learns from:",
        f"warning: what it does cannot be told here: {unknown.reason}",
    ]
    del sys.modules["exposure_samplers"]


def test_a_dry_run_tells_and_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TESTS)
    told: list[SamplerExposure] = []
    path = experiment_with(tmp_path, {"repeat_factor_threshold": 0.01})
    dry_run(path, announce=told.extend)
    assert [one.models for one in told] == [("m0",)]
    [kept] = read_json(tmp_path / "runs" / "tiny" / "exposure.json", "the exposure")
    assert kept == told[0].to_dict()
    assert (kept["epoch_length_ratio"], kept["fold"], kept["images"]) == (1.0, 0, 6)
    assert kept["warning"].startswith("this repeat-factor threshold changes nothing")


def test_a_sampler_is_checked_before_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TESTS)
    (tmp_path / "checked_samplers.py").write_text(OWN)
    wrong = {"name": "checked_samplers:of_glass", "arguments": {"factr": 4}}
    with pytest.raises(ConfigError) as caught:
        dry_run(experiment_with(tmp_path, wrong, {"name": "checked_samplers:of_glas"}))
    assert "models.m0: recipe.sampler.arguments: it is called with (dataset, factr=...)" in str(caught.value)
    assert "models.m1: recipe.sampler.name: module 'checked_samplers' has no 'of_glas'" in str(caught.value)
    sys.modules.pop("checked_samplers", None)
