"""The page of `bunri serve` in a browser: a photo is looked at, boxes are corrected and saved, languages change."""

import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import uvicorn
from PIL import Image

from bunri.io import load_dataset
from bunri.serve.app import create_app
from bunri.serve.served import Served
from serve_app import PretendedModel, pretended

if TYPE_CHECKING:
    from pages.browser import Browser

STREET = (400, 200)
"""Width and height of the photo that is looked at."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = pretended(tmp_path / "kept", max_photo_bytes=200_000)
    yield made
    assert made.corrections is not None
    made.corrections.close()


@pytest.fixture
def address(served: Served) -> Iterator[str]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(create_app(served), log_level="error", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        server.should_exit = True
        thread.join()


@pytest.fixture
def page(browser: "Browser", address: str) -> Iterator["Browser"]:
    """The page in English; afterwards nothing was complained of, and nothing left the machine."""
    with browser.screen():
        browser.open(address)
        browser.wait_for("document.querySelector('h1').textContent.length > 0")
        browser.click("[data-language=en]")
        yield browser
        assert browser.errors() == []
        assert browser.requests_leaving() == []


def write_street(folder: Path) -> Path:
    picture = np.full((*STREET[::-1], 3), 180, np.uint8)
    picture[40:160, 40:160] = (30, 90, 200)
    Image.fromarray(picture).save(folder / "street.jpg")
    return folder / "street.jpg"


def look_at(page: "Browser", photo: Path) -> None:
    page.one("#file").send_keys(str(photo))


def show_from(page: "Browser", percent: int) -> None:
    page.driver.execute_script(
        "const slider = document.getElementById('threshold'); slider.value = arguments[0];"
        "slider.dispatchEvent(new Event('input'))",
        percent,
    )


def drag(page: "Browser", start: tuple[float, float], end: tuple[float, float]) -> None:
    """Press on the photo at a point in its pixels, and let go at another."""
    from selenium.webdriver.common.action_chains import ActionChains

    stage = page.one("#stage")
    page.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", stage)
    scale = stage.size["width"] / STREET[0]
    (x0, y0), (x1, y1) = (
        (x * scale - stage.size["width"] / 2, y * scale - stage.size["height"] / 2) for x, y in (start, end)
    )
    moves = (
        ActionChains(page.driver, duration=50).move_to_element_with_offset(stage, round(x0), round(y0)).click_and_hold()
    )
    moves.move_to_element_with_offset(stage, round(x1), round(y1)).release().perform()


@pytest.fixture
def answered(page: "Browser", tmp_path: Path) -> "Browser":
    look_at(page, write_street(tmp_path))
    page.wait_for("!document.getElementById('result').hidden")
    return page


def test_a_photo_is_answered_with_cards(answered: "Browser") -> None:
    assert answered.texts("#count") == ["2 objects"]
    assert answered.texts(".card .bin") == ["Plastics"]  # the rules do not know the other class
    assert answered.texts(".card h3") == ["Plastic", "Mystery"]
    assert answered.texts(".card .or") == ["Could also be: Can or metal"]
    assert answered.texts(".label") == ["Plastic 90%", "Mystery 40%"]
    box = answered.value("(({left, top, width}) => [left, top, width])(document.querySelector('.box').style)")
    assert box == ["10%", "20%", "30%"]
    assert answered.value("document.querySelector('#photo').naturalWidth") == STREET[0]


def test_the_threshold_is_moved(answered: "Browser") -> None:
    show_from(answered, 50)
    assert (answered.texts("#count"), answered.texts("#shown")) == (["1 object"], ["50%"])
    show_from(answered, 95)
    assert answered.texts("#count") == ["Nothing found"]
    assert answered.all(".box") == []
    show_from(answered, 5)
    assert answered.texts("#count") == ["3 objects"]


def test_the_language_is_switched_and_remembered(answered: "Browser", address: str) -> None:
    answered.click("[data-language=ko]")
    assert answered.texts("#count") == ["2개를 찾았습니다"]
    assert answered.texts(".card .bin") == ["플라스틱류"]
    assert answered.value("document.documentElement.lang") == "ko"
    answered.driver.get(address)
    answered.wait_for("document.querySelector('h1').textContent === '이건 어떻게 버리나요?'")


def test_boxes_are_corrected_and_saved(answered: "Browser", tmp_path: Path) -> None:
    answered.click("#correct")
    drag(answered, (100, 100), (140, 110))  # the plastic thing moves by 40, 10
    drag(answered, (300, 20), (380, 50))  # a new box
    answered.driver.execute_script(
        "const list = document.getElementById('class'); list.value = 'Metal'; list.dispatchEvent(new Event('change'))"
    )
    answered.click(".box[aria-label^=Mystery]")
    answered.click("#delete")
    answered.click("#save")
    answered.wait_for("document.getElementById('status').textContent.startsWith('Saved: 2 boxes')")
    kept = load_dataset(tmp_path / "kept" / "annotations.json")
    names = [kept.class_names[index] for index in kept.annotations.class_index]
    assert names == ["Plastic", "Metal"]
    expected = [(80, 50, 200, 170), (300, 20, 380, 50)]
    np.testing.assert_allclose(kept.annotations.box_xyxy, expected, atol=2.5)  # the mouse moves in whole pixels
    assert answered.texts(".card h3") == ["Plastic", "Can or metal"]


def test_a_corner_is_dragged_and_a_correction_cancelled(answered: "Browser", tmp_path: Path) -> None:
    answered.click("#correct")
    answered.click(".box[aria-label^=Plastic]")
    drag(answered, (160, 160), (200, 180))
    width = answered.value("parseFloat(document.querySelector('.box').style.width)")
    assert width == pytest.approx(40, abs=1)  # per cent of 400 pixels: from 40 to 200
    answered.click("#cancel")
    assert answered.value("document.querySelector('.box').style.width") == "30%"
    assert not (tmp_path / "kept" / "annotations.json").exists()


def test_boxes_are_corrected_by_keys(answered: "Browser") -> None:
    from selenium.webdriver.common.keys import Keys

    answered.click("#correct")
    answered.driver.execute_script("document.querySelector('.box').focus()")
    answered.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert answered.value("document.querySelector('.box').style.left") == "12%"
    answered.press(Keys.DELETE)
    assert answered.texts("#count") == ["1 object"]


def test_a_box_is_added_without_a_mouse_and_saved(answered: "Browser", tmp_path: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    answered.click("#correct")
    answered.driver.execute_script("document.getElementById('add').focus()")
    answered.press(Keys.ENTER)
    assert answered.value("document.activeElement.className") == "box chosen"
    answered.press(Keys.ARROW_UP)
    answered.click("#save")
    answered.wait_for("document.getElementById('status').textContent.startsWith('Saved: 3 boxes')")
    kept = load_dataset(tmp_path / "kept" / "annotations.json")
    assert kept.annotations.box_xyxy[-1].tolist() == [100, 46, 300, 146]


def test_after_a_file_that_is_no_photo_another_can_be_chosen(answered: "Browser", tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 broken")
    look_at(answered, tmp_path / "broken.jpg")
    answered.wait_for("document.getElementById('status').textContent.startsWith('This is not a photo')")
    assert answered.value("document.getElementById('drop').checkVisibility()")
    assert len(answered.errors()) == 1  # the browser notes the refusal
    look_at(answered, write_street(tmp_path))
    answered.wait_for("!document.getElementById('result').hidden")


def test_everything_is_said_in_korean(answered: "Browser") -> None:
    answered.click("[data-language=ko]")
    answered.click("#correct")
    said = [text for text in answered.texts("p, button, label > span, h2, h3, li") if text not in ("", "fcos", "EN")]
    assert len(said) > 15
    assert [text for text in said if not re.search("[가-힣]", text)] == ["Mystery"]  # a class the rules do not know
    assert [text for text in said if re.search("([A-Za-z]+ ){3}", text)] == []


def test_what_is_no_photo_is_told_in_the_language_of_the_page(page: "Browser", tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 broken")
    look_at(page, tmp_path / "broken.jpg")
    page.wait_for("document.getElementById('status').textContent.startsWith('This is not a photo')")
    page.click("[data-language=ko]")
    page.wait_for("document.getElementById('status').textContent.startsWith('읽을 수 없는 파일')")
    (tmp_path / "large.jpg").write_bytes(b"\xff\xd8" + bytes(300_000))
    look_at(page, tmp_path / "large.jpg")
    page.wait_for("document.getElementById('status').textContent.startsWith('사진이 너무 큽니다')")
    refused = [line for line in page.errors() if "/api/find" in line]
    assert len(refused) == 2  # the browser notes every answer that is no success


def test_while_the_model_loads_the_page_waits(browser: "Browser", served: Served, address: str, tmp_path: Path) -> None:
    assert isinstance(served.finder, PretendedModel)
    served.finder.state = "loading"
    with browser.screen():
        browser.open(address)
        browser.click("[data-language=en]")
        browser.wait_for("document.getElementById('status').textContent.startsWith('The model is being loaded')")
        look_at(browser, write_street(tmp_path))
        served.finder.state = "ready"
        browser.wait_for("!document.getElementById('result').hidden")
    assert browser.errors() == []


@pytest.mark.parametrize("language", ["en", "ko"])
def test_it_fits_a_phone(answered: "Browser", language: str) -> None:
    answered.click(f"[data-language={language}]")
    with answered.screen(360, 740):
        assert not answered.is_wider_than_the_screen()
        answered.click("#correct")
        assert not answered.is_wider_than_the_screen()


def test_every_control_has_a_name(answered: "Browser") -> None:
    answered.click("#correct")
    controls = "button, select, input:not([type=file]), .box"
    names = answered.value(
        f"[...document.querySelectorAll('{controls}')].map((one) =>"
        " (one.getAttribute('aria-label') ?? one.labels?.[0]?.textContent ?? one.textContent).trim())"
    )
    assert len(names) > 8
    assert all(names)
