import re

import pytest

from bunri.pages import Assets, Words, read_words
from bunri.pages.rendering import count, points, signed
from bunri.pages.words import LANGUAGES

ROOMS = ("bunri.pages", "bunri.report", "bunri.watch")


@pytest.mark.parametrize("room", ROOMS)
def test_every_language_says_everything_with_the_same_values(room: str) -> None:
    first, *others = (read_words(room).by_language[language] for language in LANGUAGES)
    for other in others:
        assert set(other) == set(first)
        for key, sentence in first.items():
            assert sorted(re.findall(r"\{\w+\}", other[key])) == sorted(re.findall(r"\{\w+\}", sentence)), key
            assert other[key].strip()


def test_rooms_share_no_key_by_accident() -> None:
    keys = [key for room in ROOMS for key in read_words(room).by_language["en"]]
    assert len(keys) == len(set(keys))


def test_sentences_of_two_rooms_together() -> None:
    a = Words({"en": {"x": "{n} photos"}, "ko": {"x": "사진 {n}장"}})
    b = Words({"en": {"y": "y"}, "ko": {"y": "와이"}})
    assert (a | b).by_language["ko"] == {"x": "사진 {n}장", "y": "와이"}
    assert a.say("x", n=3) == "3 photos"


def test_shared_styles_and_scripts_come_first() -> None:
    assets = Assets("bunri.watch", ("watch.css", "watch.js"))
    assert assets.style().index(":root") < assets.style().index("progress")
    assert (
        assets.script().index("const { say")
        < assets.script().index("const { drawChart")
        < assets.script().index("look();")
    )
    assert "color-scheme" not in assets.script()


def test_numbers_in_words() -> None:
    assert (points(0.71249), points(1.25, 1), points(None)) == ("0.712", "1.2", "–")
    assert (signed(0.01234), signed(-0.5), signed(None)) == ("+0.012", "−0.500", "–")
    assert (count(12345), count(9.5), count(None)) == ("12,345", "10", "–")
