"""Watching runs in a browser: what changes on the disk changes on the page, and what is open stays open."""

import json
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from bunri.watch.server import open_server
from pages.browser import Browser
from watch.watched_runs import write_run

ESCAPE = "\ue00c"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    write_run(tmp_path / "trash" / "fcos" / "fold0", steps=30)
    failed = write_run(tmp_path / "trash" / "ssd" / "fold0", status="failed", message="loss is not a number")
    (failed / "log.txt").write_text("FloatingPointError: loss is nan\n")
    (write_run(tmp_path / "trash" / "ssd" / "fold1") / "manifest.json").write_text('{"status": "ru')
    return tmp_path


@pytest.fixture
def page(browser: Browser, runs: Path) -> Iterator[Browser]:
    """The page with three runs; at the end nobody complained and nothing was asked of another machine."""
    with open_server([runs], 0, 0.2) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        browser.open(f"http://127.0.0.1:{server.server_port}/")
        browser.wait_for("document.querySelectorAll('#rows tr').length === 3")
        yield browser
        assert browser.errors() == []
        asked = browser.requests()
        assert {address.rpartition("/")[2] for address in asked} <= {"", "runs.json"}
        assert all(address.startswith(f"http://127.0.0.1:{server.server_port}/") for address in asked)
        browser.driver.get("about:blank")
        server.shutdown()
        thread.join()


def test_runs_in_every_state(page: Browser, runs: Path) -> None:
    assert page.texts("#rows th") == ["trash/fcos/fold0", "trash/ssd/fold0", "trash/ssd/fold1"]
    assert page.texts("#rows .status") == ["running", "failed", "unreadable"]
    assert page.value("document.querySelector('#rows progress').value") == pytest.approx(0.3)
    assert page.value("document.title").startswith("1 running")
    trouble = page.texts("#rows .trouble")[1]
    assert "loss is not a number" in trouble
    assert str(runs / "trash" / "ssd" / "fold0" / "log.txt") in trouble


def test_progress_curves_and_new_runs_appear_by_themselves(page: Browser, runs: Path) -> None:
    page.wait_for("document.querySelectorAll('[data-curve=\"train/loss\"] path.series').length === 2")
    before = page.value("document.querySelector('[data-curve=\"train/loss\"] path.series').getAttribute('d')")
    with (runs / "trash" / "fcos" / "fold0" / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"step": 80, "epoch": 8, "time": 1.0, "train/loss": 0.1}) + "\n")
    page.wait_for("Math.abs(document.querySelector('#rows progress').value - 0.8) < 1e-9")
    page.wait_for(
        f"document.querySelector('[data-curve=\"train/loss\"] path.series').getAttribute('d') !== {json.dumps(before)}"
    )
    write_run(runs / "trash" / "yolo" / "fold0", steps=3)
    page.wait_for("document.querySelectorAll('#rows tr').length === 4")
    assert page.texts("#counts span")[0] == "2 running"


def test_what_is_open_stays_open(page: Browser, runs: Path) -> None:
    page.click("#rows tr:nth-child(2) details summary")
    assert page.texts("#rows tr:nth-child(2) pre") == ["FloatingPointError: loss is nan"]
    (runs / "trash" / "ssd" / "fold0" / "log.txt").write_text("another line\n")
    page.wait_for("document.querySelector('#rows tr:nth-child(2) pre').textContent === 'another line'")
    assert page.value("document.querySelector('#rows tr:nth-child(2) details').open")


def test_a_run_that_is_mended_is_shown_again(page: Browser, runs: Path) -> None:
    (runs / "trash" / "ssd" / "fold1" / "manifest.json").write_text('{"status": "done"}')
    page.wait_for("[...document.querySelectorAll('#rows .status')].some((s) => s.textContent === 'done')")
    assert "unreadable" not in page.texts("#rows .status")


def test_filters_by_keys_and_by_state(page: Browser) -> None:
    page.press("/", "s", "s", "d")
    shown = "[...document.querySelectorAll('#rows tr')].filter((row) => !row.hidden).length"
    assert page.value(shown) == 2
    page.press(ESCAPE)
    assert page.value(shown) == 3
    page.click("#by-status option[value='failed']")
    page.wait_for(f"{shown} === 1")


def test_korean_and_a_phone(page: Browser, runs: Path) -> None:
    page.click("#language option[value='ko']")
    assert page.texts("#rows .status") == ["실행 중", "실패", "읽을 수 없음"]
    page.click("#language option[value='en']")
    with page.screen(390, 844, dark=True):
        assert not page.is_wider_than_the_screen()
        write_run(runs / "street" / "fasterrcnn_lite0_wide" / "fold0" / "seed1", status="failed", message="no " * 40)
        page.wait_for("document.querySelectorAll('#rows tr').length === 4")
        assert page.slivers() == []
        page.wait_for("document.querySelectorAll('#rows .status-running').length === 1")
        right = "document.querySelector('#rows tr .progress span').getBoundingClientRect().right"
        assert page.value(right) < 390  # how far it is can be seen without scrolling


def test_a_server_that_is_gone_is_told(browser: Browser, runs: Path) -> None:
    with open_server([runs], 0, 0.2) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        browser.open(f"http://127.0.0.1:{server.server_port}/")
        browser.wait_for("document.querySelectorAll('#rows tr').length === 3")
        server.shutdown()
        thread.join()
    browser.wait_for("!document.getElementById('away').hidden")
    assert "Is bunri watch still running?" in browser.texts("#away")[0]
    assert len(browser.texts("#rows tr")) == 3
    browser.driver.get("about:blank")
