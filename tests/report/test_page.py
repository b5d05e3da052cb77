"""The page is one file that asks nothing of a network, and says what the facts say."""

import json
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bunri.errors import OutputError
from bunri.report import page as report_page
from bunri.report import write_report
from experiment_builders import MODELS, make_experiment_folder

VOID = {"meta", "link", "img", "br", "input", "hr"}
LINKS = re.compile(r"^(#|data:,$)")


class Page(HTMLParser):
    """Tags with their attributes, the text of each element kind, and tags that are not closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        if data.strip() and self.open:
            self.texts.append((self.open[-1], data.strip()))

    def attributes(self, *names: str) -> Iterator[str]:
        for _, attributes in self.tags:
            yield from (attributes[name] for name in names if name in attributes)

    def texts_of(self, tag: str) -> list[str]:
        return [text for where, text in self.texts if where == tag]


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> str:
    root = tmp_path_factory.mktemp("page")
    write_report(make_experiment_folder(root), root / "report.html")
    return (root / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_every_element_is_closed(page: Page) -> None:
    assert (page.wrong, page.open) == ([], [])


def test_nothing_is_loaded_from_anywhere(page: Page) -> None:
    assert [link for link in page.attributes("src", "href", "action", "data") if not LINKS.match(link)] == []
    assert [tag for tag, _ in page.tags if tag in ("iframe", "object", "embed")] == []
    [policy] = [tag["content"] for name, tag in page.tags if tag.get("http-equiv") == "Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy


def test_headings_do_not_skip_a_level(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below - above <= 1 for above, below in pairwise(levels))


def test_every_table_has_a_caption_and_every_link_a_target(page: Page) -> None:
    names = [tag for tag, _ in page.tags]
    assert names.count("caption") == names.count("table") > 4
    ids = list(page.attributes("id"))
    assert len(set(ids)) == len(ids)
    assert {link[1:] for link in page.attributes("href") if link.startswith("#")} <= set(ids)


def test_pictures_and_figures_speak(page: Page) -> None:
    spoken = [attributes.get("aria-label", "") for _, attributes in page.tags if attributes.get("role") == "img"]
    assert len(spoken) > 8
    assert all(len(words) > 8 for words in spoken)


def data_of(html: str, name: str) -> Any:
    [text] = re.findall(rf'<script type="application/json" id="{name}">(.*?)</script>', html, re.DOTALL)
    return json.loads(text)


def test_each_photo_is_there_once_with_the_boxes_of_all_members(html: str) -> None:
    browser = data_of(html, "browser")
    assert [member["name"] for member in browser["members"]] == [*MODELS, "ensemble"]
    assert len(browser["photos"]) == len(set(browser["thumbs"])) == 8
    assert all(len(photo["boxes"]) == 4 for photo in browser["photos"])
    assert html.count(browser["thumbs"][0]) == 1


def test_the_leaderboard_says_the_numbers(page: Page) -> None:
    assert [text for text in page.texts_of("th") if text in (*MODELS, "ensemble")][:4] == [*MODELS, "ensemble"]
    assert any(re.fullmatch(r"\[0\.\d{3}, 0\.\d{3}\]", text) for text in page.texts_of("span"))


def test_figures_carry_their_facts(html: str) -> None:
    specs = [json.loads(text) for text in re.findall(r'<script type="application/json">(.*?)</script>', html)]
    figures = [spec for spec in specs if isinstance(spec, dict)]
    classes = sum(1 for each in data_of(html, "browser")["classes"] if f"<h4>{each}</h4>" in html)
    assert len(figures) == 1 + classes + 1 + 2 + 3  # leaderboard, precision, calibration, gains and search, curves
    assert all(figure["rows"] if figure["kind"] == "intervals" else figure["series"] for figure in figures)


def test_every_sentence_is_there_in_both_languages(html: str, page: Page) -> None:
    words = data_of(html, "words")
    assert set(words["en"]) == set(words["ko"])
    used = {key for name in ("data-t", "data-t-label") for keys in page.attributes(name) for key in keys.split()}
    assert used <= set(words["en"])
    assert len(used) > 60


def test_of_several_experiments_each_gain_names_its_own(tmp_path: Path) -> None:
    one = make_experiment_folder(tmp_path, photos=2)
    shutil.copytree(one, one.parent / "second")
    write_report(one.parent, tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert re.findall(r"\((small|second)/\w+\)</span>", html) == ["second", "small"]


def test_names_cannot_break_out_of_the_page(tmp_path: Path) -> None:
    folder = make_experiment_folder(tmp_path, photos=2)
    hostile = '</script><script>alert("1")</script>'
    board = (folder / "leaderboard.json").read_text().replace('"fcos"', json.dumps(hostile))
    (folder / "leaderboard.json").write_text(board)
    write_report(folder, tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html
    assert "\\u003c/script\\u003e" in html


def test_a_sampler_of_the_users_own_is_named_and_not_run(tmp_path: Path) -> None:
    folder = make_experiment_folder(tmp_path)
    experiment = json.loads((folder / "experiment.json").read_text())
    experiment["models"][0]["recipe"] = {"sampler": {"name": "no_such_module:by_rarest"}}
    (folder / "experiment.json").write_text(json.dumps(experiment))
    write_report(folder, tmp_path / "report.html")
    words = " ".join((tmp_path / "report.html").read_text().split())
    assert "faster_rcnn: as often as no_such_module:by_rarest says; what that does is kept in" in words
    assert "retinanet, fcos: every photo is seen once" in words


def test_an_empty_folder_gives_a_page_that_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    write_report(tmp_path / "empty", tmp_path / "report.html")
    page = Page((tmp_path / "report.html").read_text())
    assert (page.wrong, page.open) == ([], [])
    assert len([text for text in page.texts_of("span") if text.startswith("Left out")]) >= 5


def test_a_photo_that_is_gone_is_told_and_the_others_are_there(tmp_path: Path) -> None:
    folder = make_experiment_folder(tmp_path, photos=2)
    (tmp_path / "data" / "train" / "0001.jpg").unlink()
    write_report(folder, tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text()
    assert any("0001.jpg" in text for text in Page(html).texts_of("span"))
    browser = data_of(html, "browser")
    assert sorted(
        (photo["name"][-8:], thumb is None) for photo, thumb in zip(browser["photos"], browser["thumbs"], strict=True)
    ) == [
        ("0001.jpg", True),
        ("0002.jpg", False),
    ]


def test_boxes_that_are_too_many_leave_the_best_photos_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_page, "MAX_BOX_BYTES", 2_000)
    write_report(make_experiment_folder(tmp_path), tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text()
    left = len(data_of(html, "browser")["photos"])
    assert 0 < left < 8
    assert f"{8 - left} photos with the fewest mistakes are left out" in html


def test_without_an_ensemble_the_best_model_is_judged(tmp_path: Path) -> None:
    folder = make_experiment_folder(tmp_path)
    files = [folder / name / "oof.parquet" for name in ("fcos", "faster_rcnn", "retinanet")]
    named = [file.rename(tmp_path / f"{file.parent.name}.parquet") for file in files]
    write_report(named, tmp_path / "report.html", tmp_path / "data" / "train.json")
    browser = data_of((tmp_path / "report.html").read_text(), "browser")
    scores = {row["model"]: row["mAP50"] for row in json.loads((folder / "leaderboard.json").read_text())["rows"]}
    best = max(("fcos", "faster_rcnn", "retinanet"), key=lambda name: float(scores[name]))
    assert browser["members"][browser["judge"]]["name"] == best


def test_verdicts_are_told(tmp_path: Path) -> None:
    folder = make_experiment_folder(tmp_path, photos=2)
    claim = {"id": "H1", "claim": "Flips help", "effect": "a - b", "metric": "mAP50", "smallest_effect": 0.01}
    claim |= {
        "value": 0.02,
        "low": 0.01,
        "high": 0.03,
        "verdict": "supported",
        "p_support_corrected": 0.01,
        "power": 0.9,
    }
    (folder / "verdicts.json").write_text(json.dumps({"hypotheses": [claim]}))
    write_report(folder, tmp_path / "report.html")
    page = Page((tmp_path / "report.html").read_text())
    assert "supported" in page.texts_of("span")
    assert "Flips help" in page.texts_of("th")


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="must be writable"):
        write_report(tmp_path, tmp_path / "file" / "report.html")
