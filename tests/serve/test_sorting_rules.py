from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from bunri.demo.classes import CLASS_NAMES
from bunri.errors import ConfigError
from bunri.serve.sorting_rules import KOREA, Words, read_rules
from bunri.settings import Settings

RULES = Path(str(files("bunri.serve"))) / "rules" / KOREA


def test_the_rules_of_korea_know_every_class_of_the_field() -> None:
    rules = read_rules()
    bins = {name: rule.bin for name in CLASS_NAMES if (rule := rules.rule_of(name))}
    assert bins == {
        "General trash": "general",
        "Paper": "paper",
        "Paper pack": "paper_pack",
        "Metal": "metal",
        "Glass": "glass",
        "Plastic": "plastic",
        "Styrofoam": "styrofoam",
        "Plastic bag": "vinyl",
        "Battery": "battery",
        "Clothing": "textile",
    }
    assert all(len(rule.steps) >= 3 and rule.elsewhere for rule in rules.classes)
    assert "환경부" in rules.source.publisher.ko
    assert "2018" in rules.source.date.ko


@pytest.mark.parametrize("name", ["plastic bag", "Plastic_Bag", "PLASTIC-BAG", "비닐"])
def test_spelling_does_not_matter(name: str) -> None:
    rule = read_rules().rule_of(name)
    assert rule is not None
    assert rule.bin == "vinyl"


def test_a_class_the_rules_do_not_know() -> None:
    assert read_rules().rule_of("Uranium") is None


def sentences(value: Any) -> Iterator[Words]:
    """All words somewhere in settings."""
    if isinstance(value, Words):
        yield value
    elif isinstance(value, Settings | dict | tuple):
        inner = dict(value).values() if not isinstance(value, tuple) else value
        for one in inner:
            yield from sentences(one)


def test_every_sentence_is_in_its_language() -> None:
    found = list(sentences(read_rules()))
    assert len(found) == 78
    for words in found:
        assert not any("가" <= letter <= "힣" for letter in words.en)
        assert any("가" <= letter <= "힣" for letter in words.ko)


def written(folder: Path, change: Any) -> Path:
    values = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    change(values)
    (folder / "my.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    return folder / "my.yaml"


def test_another_country_brings_its_own(tmp_path: Path) -> None:
    def german(values: Any) -> None:
        values["country"] = {"en": "Germany", "ko": "독일"}
        values["bins"]["yellow"] = {"name": {"en": "Yellow bag", "ko": "노란 봉투"}, "colour": "#ffcc00"}
        values["classes"][5]["bin"] = "yellow"

    rules = read_rules(written(tmp_path, german))
    plastic = rules.rule_of("Plastic")
    assert plastic is not None
    assert (rules.country.en, plastic.bin) == ("Germany", "yellow")


def test_all_mistakes_are_told_by_place(tmp_path: Path) -> None:
    def spoil(values: Any) -> None:
        values["bins"]["metal"]["colour"] = "grey"
        values["classes"][0]["steps"] = []
        values["classes"][1]["setps"] = []
        del values["country"]["ko"]

    with pytest.raises(ConfigError, match="4 mistakes") as refused:
        read_rules(written(tmp_path, spoil))
    for place in ("bins.metal.colour", "classes.0.steps", "did you mean 'steps'", "country.ko: must be given"):
        assert place in str(refused.value)


def test_bins_and_names_must_fit_together(tmp_path: Path) -> None:
    def spoil(values: Any) -> None:
        values["classes"][0]["bin"] = "genral"
        values["classes"][1]["names"].append("metal")

    with pytest.raises(
        ConfigError, match=r"genral.*did you mean 'general'(.|\n)*'metal' must have one rule, but has 2"
    ):
        read_rules(written(tmp_path, spoil))


def test_absent_rules_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not there"):
        read_rules(tmp_path / "absent.yaml")
