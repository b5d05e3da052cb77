from pathlib import Path

import pytest

from bunri.config import Experiment
from bunri.errors import ConfigError
from bunri.recipe import Recipe
from bunri.settings import nearest, parse_yaml, read_yaml


def test_all_mistakes_at_once_by_dotted_path_with_the_nearest_key() -> None:
    wrong = {
        "epoch": 3,
        "batch_size": 0,
        "optimizer": {"lr": -1, "layer_factor": {}},
        "tta": {"views": [{"turn": "up"}]},
    }
    with pytest.raises(ConfigError) as caught:
        Recipe.validated(wrong, "trash.yaml")
    lines = str(caught.value).splitlines()
    assert lines[0] == "trash.yaml has 5 mistakes:"
    assert "  epoch: unknown key; did you mean 'epochs'?" in lines
    assert "  optimizer.layer_factor: unknown key; did you mean 'layer_factors'?" in lines
    assert any(line.startswith("  batch_size: Input should be greater than 0, got 0") for line in lines)
    assert any(line.startswith("  optimizer.lr:") for line in lines)
    assert any(line.startswith("  tta.views.0.turn:") and line.endswith("got 'up'") for line in lines)


def test_a_key_like_no_other_lists_what_is_known() -> None:
    assert nearest("zzz", ["lr", "name"]) == "; known are lr, name"
    assert nearest("zzz", []) == ""


def test_right_values_have_no_mistakes() -> None:
    assert Recipe.mistakes_in({"epochs": 3}) == []
    assert Recipe.mistakes_in({"epochs": 3, "iterations": 5}) == [
        "iterations: give epochs or iterations, not both, got 5"
    ]


@pytest.mark.parametrize(
    ("text", "value"), [("1e-4", 1e-4), ("2.5E3", 2500.0), ("1.0", 1.0), ("e5", "e5"), ("1e", "1e")]
)
def test_numbers_as_people_write_them(text: str, value: object) -> None:
    assert parse_yaml(text) == value


def test_yaml_cannot_run_code(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("x: !!python/object/apply:os.system ['true']")
    with pytest.raises(ConfigError, match="must be YAML"):
        read_yaml(tmp_path / "a.yaml", "the experiment")


@pytest.mark.parametrize(
    ("text", "message"),
    [("- 1", "must be a mapping of keys, but it is list"), ("", "but it is NoneType"), ("a: [1", "line 1")],
)
def test_yaml_that_is_no_settings_file(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_yaml(tmp_path / "a.yaml", "the experiment")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.yaml is not there\. Check the path"):
        read_yaml(tmp_path / "gone.yaml", "the experiment")


def test_a_list_is_not_called_too_short_for_its_wrong_entries() -> None:
    wrong = {"name": "x", "data": {"annotations": "a.json"}, "models": [{"name": "m", "config": "m.yaml", "sett": {}}]}
    assert Experiment.mistakes_in(wrong) == ["models.0.sett: unknown key; did you mean 'set'?"]
    assert "models: Tuple should have at least 1 item" in Experiment.mistakes_in({**wrong, "models": []})[0]
