import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bunri.errors import DataError
from bunri.report import pictures
from bunri.report.facts import Panel, PhotoFacts, ShownBox
from bunri.report.pictures import in_words, pictures_of, thumbnail


def photo_file(folder: Path, name: str = "a.png", width: int = 900, height: int = 300) -> Path:
    noise = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    Image.fromarray(noise).save(folder / name)
    return folder / name


def photo_of(path: Path, *boxes: ShownBox) -> PhotoFacts:
    return PhotoFacts("a.png", str(path), 900, 300, 1, (Panel("truth", boxes), Panel("fcos", boxes)))


def test_thumbnails_are_small_webp_in_the_page(tmp_path: Path) -> None:
    head, _, body = thumbnail(str(photo_file(tmp_path))).partition(",")
    assert head == "data:image/webp;base64"
    with Image.open(io.BytesIO(base64.b64decode(body))) as picture:
        assert picture.size == (400, 133)


def test_boxes_keep_the_units_of_the_photo(tmp_path: Path) -> None:
    boxes = ShownBox("Paper", (10, 20, 110, 70), "hit", 0.876), ShownBox("Metal", (800, 0, 900, 50), "missed")
    [picture] = pictures_of([photo_of(photo_file(tmp_path), *boxes)])
    found, missed = picture.panels[1].boxes
    assert (found.x, found.y, found.width, found.height, found.text) == (10, 20, 100, 50, "Paper 0.88")
    assert (found.text_x, found.text_y, found.text_at_end) == (12, 20, False)
    assert (missed.text, missed.text_x, missed.text_y, missed.text_at_end) == ("Metal", 898, 50, True)
    assert picture.classes == ("Paper", "Metal")


def test_the_page_stays_light(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = photo_of(photo_file(tmp_path))
    monkeypatch.setattr(pictures, "MAX_BYTES", int(2.5 * len(thumbnail(photo.path))))
    assert len(pictures_of([photo] * 5)) == 2


def test_a_photo_that_is_gone_is_our_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.png"):
        pictures_of([photo_of(tmp_path / "gone.png")])


@pytest.mark.parametrize(
    ("boxes", "words"),
    [
        ((), "fcos: no boxes"),
        ((ShownBox("Paper", (0, 0, 1, 1), "hit", 0.9),), "fcos: Paper (right)"),
        (
            (ShownBox("Paper", (0, 0, 1, 1), "missed"), ShownBox("Glass", (0, 0, 1, 1), "class", 0.5)),
            "fcos: Paper (missed), Glass (wrong)",
        ),
    ],
)
def test_panels_in_words(boxes: tuple[ShownBox, ...], words: str) -> None:
    assert in_words(Panel("fcos", boxes)) == words
