from pathlib import Path

import pytest

from pages.browser import Browser

PAGE = """<!doctype html><link rel="icon" href="data:,"><title>A page</title>
<body style="width: 600px"><button onclick="this.textContent = 'clicked'">click</button>
<p hidden>x</p><input aria-label="words">{script}</body>"""


def page(tmp_path: Path, script: str = "") -> Path:
    path = tmp_path / "page.html"
    path.write_text(PAGE.format(script=f"<script>{script}</script>"))
    return path


def test_a_quiet_page_is_seen_clicked_and_typed_into(browser: Browser, tmp_path: Path) -> None:
    browser.open(page(tmp_path))
    browser.click("button")
    browser.click("input")
    browser.press("a", "b")
    assert browser.texts("button") == ["clicked"]
    assert browser.value("document.querySelector('input').value") == "ab"
    assert (browser.errors(), browser.requests(), browser.requests_leaving()) == ([], [], [])


def test_what_a_page_complains_of_is_heard_once(browser: Browser, tmp_path: Path) -> None:
    browser.open(page(tmp_path, "console.log('fine'); nowhere.at.all"))
    [complaint] = browser.errors()
    assert "nowhere is not defined" in complaint
    assert browser.errors() == []


@pytest.mark.parametrize(("host", "leaves"), [("127.0.0.1:9", False), ("bunri.invalid", True)])
def test_what_a_page_asks_the_network_for_is_seen(browser: Browser, tmp_path: Path, host: str, leaves: bool) -> None:
    address = f"http://{host}/x.png"
    asking = f"const i = new Image(); i.onerror = () => {{ window.asked = true }}; i.src = '{address}'"
    browser.open(page(tmp_path, asking))
    browser.wait_for("window.asked")
    assert browser.requests_leaving() == ([address] if leaves else [])


def test_screens_differ_in_width_and_colours(browser: Browser, tmp_path: Path) -> None:
    browser.open(page(tmp_path))
    with browser.screen(390, 844, dark=True):
        assert browser.value("matchMedia('(prefers-color-scheme: dark)').matches")
        assert browser.is_wider_than_the_screen()
        browser.screenshot(tmp_path / "page.png")
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
    assert not browser.value("matchMedia('(prefers-color-scheme: dark)').matches")
    assert not browser.is_wider_than_the_screen()
