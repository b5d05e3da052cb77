"""The report in a browser: it is looked at, filtered, clicked and steered by keys, and asks nothing of any network."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bunri.report import write_report
from experiment_builders import MODELS, make_experiment_folder
from pages.browser import Browser

ESCAPE, RIGHT, LEFT, END = "\ue00c", "\ue014", "\ue012", "\ue010"
"""Keys in WebDriver's code."""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("report")
    write_report(make_experiment_folder(root), root / "report.html")
    return root / "report.html"


@pytest.fixture
def page(browser: Browser, report: Path) -> Iterator[Browser]:
    """The report, freshly opened; at the end nobody complained and nothing was asked of a network."""
    browser.open(report)
    browser.one("#panels svg")
    yield browser
    assert browser.errors() == []
    assert browser.requests() == []


def names(page: Browser) -> list[str]:
    return [str(name) for name in page.value("[...document.querySelectorAll('.thumb')].map((thumb) => thumb.title)")]


def badges(page: Browser) -> list[int]:
    return [
        int(n)
        for n in page.value(
            "[...document.querySelectorAll('.thumb')].map((t) => +(t.querySelector('b')?.textContent ?? 0))"
        )
    ]


def choose(page: Browser, element: str, value: str) -> None:
    """Choose or type, as a person would, and let the page hear of it."""
    page.driver.execute_script(
        "const [id, value] = arguments, e = document.getElementById(id); e.value = value;"
        "e.dispatchEvent(new Event('input', {bubbles: true})); e.dispatchEvent(new Event('change', {bubbles: true}));",
        element,
        value,
    )


def test_the_worst_photo_comes_first_side_by_side_with_every_member(page: Browser) -> None:
    assert badges(page) == sorted(badges(page), reverse=True)
    assert page.texts(".panel-title b") == ["truth", *MODELS, "ensemble"]
    assert page.texts("#photo-name") == names(page)[:1]
    assert page.value("document.querySelectorAll('#panels image').length") == 5


def test_thumbnails_are_made_when_they_come_into_sight(page: Browser) -> None:
    page.wait_for("document.querySelectorAll('.thumb img').length > 0")
    assert page.value("document.querySelector('.thumb img').src.startsWith('data:image/webp;base64,')")
    page.wait_for("document.querySelector('.thumb img').naturalWidth > 100")


def test_figures_are_drawn_when_they_come_into_sight(page: Browser) -> None:
    page.wait_for("document.querySelector('#leaderboard .chart svg') !== null")
    assert page.value("document.querySelector('#curves .chart svg')") is None
    page.driver.execute_script("document.getElementById('curves').scrollIntoView()")
    page.wait_for("document.querySelectorAll('#curves .chart path.series').length === 18")


def test_keys_go_through_the_photos_and_to_the_filter(page: Browser) -> None:
    order = names(page)
    page.click(".thumb")
    page.press(RIGHT, RIGHT, LEFT)
    assert page.texts("#photo-name") == [order[1]]
    assert page.value("document.activeElement.title") == order[1]
    page.press(END)
    assert page.texts("#photo-name") == [order[-1]]
    page.press("/")
    assert page.value("document.activeElement.id") == "by-name"
    page.press(*order[2])
    assert names(page) == [order[2]]
    page.press(ESCAPE)
    assert page.value("document.activeElement.title") == order[2]


def test_filters_by_mistake_class_and_score(page: Browser) -> None:
    everything = len(names(page))
    choose(page, "by-mistake", "missed")
    with_missed = names(page)
    assert 0 < len(with_missed) < everything or all(badges(page))
    assert f"{len(with_missed)} of {everything}" in page.texts("#photo-count")[0]
    assert "box-missed" in page.value(
        "[...document.querySelectorAll('.panel[data-id=\"3\"] .box')].map((b) => b.className.baseVal).join(' ')"
    )
    choose(page, "by-mistake", "none")
    assert not any(badges(page))
    assert not set(names(page)) & set(with_missed)
    choose(page, "by-mistake", "")
    choose(page, "by-score", "99")
    page.wait_for("document.getElementById('by-score-value').textContent === '0.99'")
    truths = page.value(
        "JSON.parse(document.getElementById('browser').textContent).photos.map((p) => p.truth.length / 5)"
    )
    assert sorted(badges(page)) == sorted(truths)  # no box is that sure, so that every object is missed
    choose(page, "by-score", "0")
    choose(page, "by-class", "0")
    first_class = "p.truth.some((v, k) => k % 5 === 0 && v === 0) || p.boxes[3].some((v, k) => k % 8 === 0 && v === 0)"
    expected = page.value(
        f"JSON.parse(document.getElementById('browser').textContent).photos.filter((p) => {first_class}).length"
    )
    assert len(names(page)) == expected


def test_models_disagree_and_another_one_is_judged(page: Browser) -> None:
    choose(page, "by-agreement", "disagree")
    choose(page, "order", "disagreement")
    assert 0 < len(names(page)) <= 8
    choose(page, "by-agreement", "any")
    choose(page, "order", "mistakes")
    before = badges(page)
    choose(page, "judge", "2")
    assert badges(page) == sorted(badges(page), reverse=True)
    assert sum(badges(page)) > sum(before)  # fcos is worse than the ensemble


def test_a_filter_nothing_fits_says_so(page: Browser) -> None:
    choose(page, "by-name", "no such photo")
    assert names(page) == []
    assert page.texts("#photo-mistakes") == ["No photo fits all filters."]
    assert page.all("#panels .panel") == []


def test_a_picture_is_enlarged_and_a_member_hidden(page: Browser) -> None:
    small = page.value("document.querySelector('.panel').clientWidth")
    page.click(".panel")
    assert page.value("document.querySelector('.panel').clientWidth") > 1.5 * small
    page.click("#shown input")
    assert page.texts(".panel-title b") == ["truth", *list(MODELS)[1:], "ensemble"]


def test_a_line_is_hidden_in_all_figures(page: Browser) -> None:
    page.driver.execute_script("document.getElementById('classes').scrollIntoView()")
    page.wait_for("document.querySelector('#classes .series') !== null")
    lines = "document.querySelectorAll('#classes .chart:has(svg) path.series').length"
    before = page.value(lines)
    page.click("#classes .names button")
    assert page.value("document.querySelector('#classes .names button').getAttribute('aria-pressed')") == "false"
    assert page.value(lines) < before


def test_the_confusion_of_another_member(page: Browser) -> None:
    shown = "[...document.querySelectorAll('.confusion:not([hidden]) caption strong')].map((name) => name.textContent)"
    assert page.value(shown) == ["ensemble"]
    choose(page, "confusion-of", "0")
    assert page.value(shown) == ["faster_rcnn"]


def test_korean_says_the_same_and_back(page: Browser) -> None:
    english = page.texts("#leaderboard h2")
    choose(page, "language", "ko")
    assert page.value("document.documentElement.lang") == "ko"
    assert (page.texts("#leaderboard h2"), page.texts(".panel-title b")[0]) == (["순위표"], "정답")
    left = page.value(
        "[...document.querySelectorAll('[data-t]')].filter((e) => e.textContent.includes('{')).map((e) => e.dataset.t)"
    )
    assert left == []
    names = page.value("[...document.querySelectorAll('.chart, .scroll, .filters, nav')].map((e) => e.ariaLabel)")
    assert len(names) > 20
    assert [name for name in names if not re.search("[가-힣]", name)] == []
    choose(page, "language", "en")
    assert page.texts("#leaderboard h2") == english


@pytest.mark.parametrize("dark", [False, True])
def test_words_have_contrast_in_light_and_dark(page: Browser, dark: bool) -> None:
    choose(page, "theme", "dark" if dark else "light")
    ground, ink = (_luminance(page, f"getComputedStyle(document.body).{what}") for what in ("backgroundColor", "color"))
    faint = _luminance(page, "getComputedStyle(document.querySelector('.faint')).color")
    assert (ground < 0.5) is dark
    assert _contrast(ground, ink) > 7
    assert _contrast(ground, faint) > 4.5
    choose(page, "theme", "light dark")


@pytest.mark.parametrize("dark", [False, True])
def test_words_can_be_read_on_the_deepest_shade(page: Browser, dark: bool) -> None:
    choose(page, "theme", "dark" if dark else "light")
    cell = "document.querySelector('.confusion:not([hidden]) td.heat:not(.wrong)')"
    page.driver.execute_script(f"{cell}.style.setProperty('--share', 1)")
    *shade, alpha = (
        float(part) for part in re.findall(r"[\d.]+", page.value(f"getComputedStyle({cell}).backgroundColor"))
    )
    panel = re.findall(r"\d+", page.value("getComputedStyle(document.querySelector('.tile')).backgroundColor"))
    mixed = [round(255 * alpha * top + (1 - alpha) * int(below)) for top, below in zip(shade, panel, strict=True)]
    ink = _luminance(page, f"getComputedStyle({cell}).color")
    assert _contrast(_luminance(page, f"'rgb({mixed[0]}, {mixed[1]}, {mixed[2]})'"), ink) > 4.5
    choose(page, "theme", "light dark")


def _luminance(page: Browser, expression: str) -> float:
    """WCAG 2's relative luminance of a colour ``rgb(r, g, b)``."""
    levels = [int(part) / 255 for part in str(page.value(expression)).removeprefix("rgb(").rstrip(")").split(",")]
    linear = [level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4 for level in levels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(a: float, b: float) -> float:
    return (max(a, b) + 0.05) / (min(a, b) + 0.05)


@pytest.mark.parametrize("width", [360, 390, 820])
def test_the_page_fits_small_screens(page: Browser, width: int) -> None:
    with page.screen(width, 800):
        assert not page.is_wider_than_the_screen()
        assert page.slivers() == []
        assert page.value("document.querySelector('.panel svg').clientWidth") > 100


def test_everything_that_acts_has_a_name(page: Browser) -> None:
    """Chromium's own accessibility tree, as a screen reader gets it."""
    nodes = page.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    acting = (
        "button",
        "combobox",
        "link",
        "checkbox",
        "slider",
        "searchbox",
        "option",
        "region",
        "table",
        "image",
        "img",
    )
    nameless = [
        node["role"]["value"]
        for node in nodes
        if not node.get("ignored")
        and node["role"]["value"] in acting
        and not node.get("name", {}).get("value", "").strip()
    ]
    assert nameless == []
    landmarks = {node["role"]["value"] for node in nodes if not node.get("ignored")}
    assert {"main", "navigation", "banner", "contentinfo", "listbox"} <= landmarks
