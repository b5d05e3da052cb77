from pathlib import Path
from typing import Any

import pytest
import yaml

from bunri.errors import ConfigError
from bunri.hypotheses.file import Arm, Hypothesis, RareClasses
from bunri.hypotheses.loading import load_hypotheses

CLAIM: dict[str, Any] = {"claim": "b is better", "effect": "b - a", "smallest_effect": 0.01}


def write(folder: Path, **changes: Any) -> Path:
    for name in ("truth.json", "a.csv", "b.csv", "trash.yaml"):
        (folder / name).touch()
    arms = {"a": {"predictions": "a.csv"}, "b": {"predictions": ["b.csv"]}}
    values = {"truth": "truth.json", "arms": arms, "hypotheses": {"H1": CLAIM}}
    path = folder / "claims.yaml"
    path.write_text(yaml.safe_dump(values | changes))
    return path


def test_paths_start_at_the_file_and_the_name_is_its_stem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUNRI_TEST_FOLDER", str(tmp_path))
    arms = {"a": {"predictions": {3: "a.csv", 4: ["a.csv", "${BUNRI_TEST_FOLDER}/b.csv"]}}, "b": {"fuse": ["a@3"]}}
    settings = load_hypotheses(write(tmp_path, arms=arms))
    assert settings.name == "claims"
    assert settings.truth == tmp_path / "truth.json"
    both = (tmp_path / "a.csv", tmp_path / "b.csv")
    assert settings.arms["a"].predictions == {3: both[:1], 4: both}


@pytest.mark.parametrize("key", ["null", '"null"'])
def test_null_is_a_key_with_and_without_quotes(tmp_path: Path, key: str) -> None:
    path = write(tmp_path)
    path.write_text(path.read_text().replace("    claim: ", f"    {key}: -0.005\n    claim: "))
    assert load_hypotheses(path).hypotheses["H1"].null == -0.005


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    arms = {
        "a": {"predictions": "absent.csv"},
        "b": {"predictions": "b.csv", "fuse": ["a"]},
        "c": {"fuse": ["a"], "seeds": [1]},
        "d": {"fuse": ["a", "a"], "weights": [1]},
        "e": {"tta": ["identity"]},
    }
    wrong: list[dict[str, Any]] = [
        {"effect": "b + a"},
        {"smallest_effect": 0},
        {"null": 0.5},
        {"equal": ["image"]},
        {"unequal": {"x": "y"}},
    ]
    hypotheses = {f"H{k}": CLAIM | change for k, change in enumerate(wrong)}
    with pytest.raises(ConfigError) as caught:
        load_hypotheses(write(tmp_path, arms=arms, hypotheses=hypotheses, error_rat=0.1))
    message = str(caught.value)
    for line in (
        f"arms.a.predictions: must be a file, but {tmp_path / 'absent.csv'} is none",
        "arms.b: an arm must have one of predictions, fuse, search, experiment, but has predictions, fuse",
        "arms.c: seeds must not go with fuse",
        "arms.d: weights must have one number for each of the 2 arms",
        "arms.e: an arm must have one of predictions, fuse, search, experiment, but has none",
        "hypotheses.H0.effect: an effect must be 'b - a' or '(x - base) / (y - base)'",
        "hypotheses.H1: smallest_effect must be above 0, where there is no effect, but got 0",
        "hypotheses.H2.null: null must not be above smallest_effect, 0.01",
        "hypotheses.H3.equal.0: Input should be 'images', 'folds'",
        "hypotheses.H4.unequal.x",
        "error_rat: unknown key; did you mean 'error_rate'?",
    ):
        assert line in message


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"hypotheses": {"H1": CLAIM | {"effect": "b - aa"}}}, r"hypotheses\.H1\.effect: there is no arm 'aa'"),
        (
            {"arms": {"a": {"fuse": ["b"]}, "b": {"fuse": ["a"]}}},
            r"arms\.a: an ensemble must not be a member of itself",
        ),
        ({"arms": {"a": {"fuse": ["x@1"]}, "b": {"predictions": "b.csv"}}}, r"arms\.a: there is no arm 'x'"),
        ({"truth": None}, r"truth: must be given where no arm is an experiment"),
    ],
)
def test_arms_must_be_there(tmp_path: Path, changes: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError, match=line):
        load_hypotheses(write(tmp_path, **changes))


def test_experiments_bring_their_own_truth(tmp_path: Path) -> None:
    arms = {"a": {"experiment": "trash.yaml", "seeds": [0, 1]}, "b": {"experiment": "trash.yaml", "set": {"x.y": 1}}}
    settings = load_hypotheses(write(tmp_path, truth=None, arms=arms))
    assert settings.arms["a"].experiment == tmp_path / "trash.yaml"


def test_a_difference_and_a_ratio_of_gains() -> None:
    difference = Hypothesis(claim="c", effect="b-a", smallest_effect=0.01)
    ratio = Hypothesis(claim="c", effect="(x - base) / (y -base)", smallest_effect=2)
    assert (difference.differences, difference.no_effect, difference.is_ratio) == ((("b", "a"),), 0.0, False)
    assert (ratio.differences, ratio.no_effect, ratio.is_ratio) == ((("x", "base"), ("y", "base")), 1.0, True)
    assert ratio.arm_names == ("x", "base", "y")


def test_classes_by_name_or_by_their_boxes() -> None:
    values = {"claim": "c", "effect": "b - a", "smallest_effect": 0.01}
    assert Hypothesis.validated(values | {"classes": ["Battery"]}, "it").classes == ("Battery",)
    rare = Hypothesis.validated(values | {"classes": {"boxes_below": 9}}, "it").classes
    assert rare == RareClasses(boxes_below=9)


def test_members_of_an_ensemble_may_be_single_seeds() -> None:
    assert Arm(fuse=("a", "b@2")).members == ("a", "b@2")
    with pytest.raises(ConfigError, match=r"fuse\.0: String should match pattern"):
        Arm.validated({"fuse": ["a@x"]}, "it")
