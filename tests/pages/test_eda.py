from pathlib import Path

import pytest
from selenium.webdriver.support.ui import Select

from bunri.eda import look_at, write_eda
from eda.eda_builders import render_data, write_experiment, write_two_folds
from pages.browser import Browser


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("eda_page")
    annotations = render_data(root)
    folds = write_two_folds(root, annotations)
    write_eda(look_at(annotations, folds=[folds], experiment=write_experiment(root)), root / "eda.html")
    return root / "eda.html"


def numbers(browser: Browser, name: str) -> list[int]:
    return [int(text.replace(",", "")) for text in browser.texts(f"table[data-histogram={name}] td")]


def test_a_class_is_chosen_and_left_again(browser: Browser, page: Path) -> None:
    browser.open(page)
    everything, rows = numbers(browser, "sides"), len(browser.texts("#classes tbody tr"))
    boxes = [int(row.split()[-5]) for row in browser.texts("#classes tbody tr")]
    assert sum(everything) == sum(boxes)
    chosen = Select(browser.one("#class-filter"))
    commonest = boxes.index(max(boxes)) + 1
    chosen.select_by_index(commonest)
    assert sum(numbers(browser, "sides")) == max(boxes)
    by_class = browser.value("JSON.parse(document.querySelector('tr[data-sides]').dataset.sides)")
    assert browser.texts("tr[data-sides] .side")[0] == str(round(by_class[commonest]))
    assert [row for row in browser.texts("#classes tbody tr") if row] == [
        browser.texts(f"#classes tr[data-class='{commonest}']")[0]
    ]
    chosen.select_by_index(0)
    assert numbers(browser, "sides") == everything
    assert len([row for row in browser.texts("#classes tbody tr") if row]) == rows
    assert (browser.errors(), browser.requests()) == ([], [])


def test_it_is_read_in_korean(browser: Browser, page: Path) -> None:
    browser.open(page)
    assert browser.one("#classes-title").text == "Classes"
    language = Select(browser.one("#language"))
    language.select_by_value("ko")
    assert browser.one("#classes-title").text == "클래스"
    assert browser.one("#class-filter option").text == "모든 클래스"
    language.select_by_value("en")
    assert browser.one("#classes-title").text == "Classes"


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(("width", "height"), [(1280, 900), (390, 844)])
def test_it_fits_the_screen_and_is_quiet(browser: Browser, page: Path, width: int, height: int, dark: bool) -> None:
    with browser.screen(width, height, dark):
        browser.open(page)
        browser.click("nav a[href='#augmented']")
        assert len(browser.all(".variants svg")) == 9
        assert not browser.is_wider_than_the_screen()
        assert browser.slivers() == []
        assert (browser.errors(), browser.requests()) == ([], [])


def test_every_picture_is_shown(browser: Browser, page: Path) -> None:
    browser.open(page)
    for k, picture in enumerate(browser.all("img")):
        browser.driver.execute_script("arguments[0].scrollIntoView()", picture)
        browser.wait_for(f"document.images[{k}].complete && document.images[{k}].naturalWidth > 0")
