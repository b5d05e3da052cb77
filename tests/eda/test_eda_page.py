import json
import re
from pathlib import Path

import numpy as np
import pytest

from bunri.eda import look_at, write_eda
from bunri.eda.page import map_uri
from bunri.errors import OutputError
from bunri.pages import read_words
from eda.eda_builders import render_data


def test_every_sentence_is_there_in_both_languages_with_the_same_values() -> None:
    english, korean = read_words("bunri.eda").by_language.values()
    assert english.keys() == korean.keys()
    for key, sentence in english.items():
        assert re.search("[가-힣]", korean[key]), key
        assert sorted(re.findall(r"{\w+}", sentence)) == sorted(re.findall(r"{\w+}", korean[key])), key


def test_names_of_classes_cannot_bring_markup(tmp_path: Path) -> None:
    annotations = render_data(tmp_path, photos=2)
    content = json.loads(annotations.read_text())
    for category in content["categories"]:
        category["name"] += "</script><img src=x onerror=alert(1)>"
    annotations.write_text(json.dumps(content))
    write_eda(look_at(annotations), tmp_path / "eda.html")
    page = (tmp_path / "eda.html").read_text()
    assert "<img src=x" not in page
    assert "&lt;/script&gt;&lt;img src=x" in page


def test_the_page_asks_for_nothing(tmp_path: Path) -> None:
    write_eda(look_at(render_data(tmp_path, photos=3)), tmp_path / "eda.html")
    page = (tmp_path / "eda.html").read_text()
    assert re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', page) == []
    assert set(re.findall(r"https?://[^\s\"']+", page)) <= {"http://www.w3.org/2000/svg"}  # a name, not an address


def test_a_map_is_clear_where_nothing_is() -> None:
    assert map_uri(np.zeros((4, 4))).startswith("data:image/png;base64,")


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    facts = look_at(render_data(tmp_path, photos=1))
    with pytest.raises(OutputError):
        write_eda(facts, tmp_path / "data" / "train.json" / "eda.html")
