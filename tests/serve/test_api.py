"""The API, asked well and badly."""

import json
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from bunri.doctor import examine
from bunri.io import load_dataset
from bunri.photos import read_photo
from bunri.serve.app import create_app
from serve_app import CLASSES, PretendedModel, encoded, pretended

HERE = "http://127.0.0.1:7860"


@contextmanager
def client_of(folder: Path | None = None, **settings: Any) -> Iterator[TestClient]:
    served = pretended(folder, **settings)
    with TestClient(create_app(served), base_url=HERE) as client:
        yield client
    if served.corrections is not None:
        served.corrections.close()


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with client_of(tmp_path / "kept") as client:
        yield client


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_photo_is_answered_with_boxes_and_bins(client: TestClient) -> None:
    answer = client.post("/api/find", files={"photo": encoded()})
    assert answer.status_code == 200
    found = answer.json()
    assert (found["width"], found["height"], found["preview"]) == (200, 100, None)
    assert found["objects"][0] == {
        "class_name": "Plastic",
        "category_id": 1,
        "score": 0.9,
        "box": [20.0, 20.0, 80.0, 80.0],
        "bin": "plastic",
    }
    assert [one["bin"] for one in found["objects"]] == ["plastic", "metal", None, "metal"]


def test_a_score_can_be_asked_for(client: TestClient) -> None:
    answer = client.post("/api/find", files={"photo": encoded()}, data={"min_score": "0.45"})
    assert [one["score"] for one in answer.json()["objects"]] == [0.9, 0.5]
    assert code_of(client.post("/api/find", files={"photo": encoded()}, data={"min_score": "7"})) == (
        422,
        "bad_request",
    )


def test_a_preview_is_what_the_model_saw(client: TestClient) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = encoded(size=(3000, 1500), exif=exif)
    found = client.post("/api/find", files={"photo": photo}, data={"preview": "true"}).json()
    assert (found["width"], found["height"]) == (1500, 3000)
    assert found["preview"].startswith("data:image/jpeg;base64,")


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {"mode": "RGBA", "colour": (0, 255, 0, 128)}),
        ("PNG", {"mode": "I;16", "colour": 40000}),
        ("JPEG", {"mode": "CMYK", "colour": (10, 20, 30, 40)}),
        ("WEBP", {}),
        ("AVIF", {}),
        ("GIF", {}),
        ("TIFF", {}),
        ("HEIF", {}),
    ],
)
def test_photos_of_all_kinds_are_read(client: TestClient, kind: str, options: dict[str, Any]) -> None:
    if kind == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    answer = client.post("/api/find", files={"photo": encoded(kind, **options)})
    assert (answer.status_code, answer.json()["width"]) == (200, 200)


def png_of(width: int, height: int) -> bytes:
    """The head of a PNG that claims to be of a size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0"))


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "not_a_photo"),
        (b"GIF89a, or so it says", 422, "not_a_photo"),
        (encoded()[:-20], 422, "not_a_photo"),
        (encoded("EPS", size=(20, 20)), 422, "not_a_photo"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 422, "not_a_photo"),
        (png_of(60_000, 60_000), 413, "too_many_pixels"),
        (png_of(8_000, 8_000), 413, "too_many_pixels"),
        (b"\0" * 20_001, 413, "too_many_bytes"),
    ],
)
def test_what_is_no_photo_is_refused_by_code(content: bytes, status: int, code: str) -> None:
    with client_of(max_photo_bytes=20_000) as client:
        assert code_of(client.post("/api/find", files={"photo": content})) == (status, code)
        assert client.post("/api/find", files={"photo": encoded()}).status_code == 200


def test_a_request_without_a_photo_is_refused(client: TestClient) -> None:
    assert code_of(client.post("/api/find")) == (422, "bad_request")
    assert code_of(client.post("/api/find", data={"photo": "text"})) == (422, "bad_request")
    assert client.get("/api/nothing").status_code == 404


def test_a_batch_answers_each_photo(client: TestClient) -> None:
    files = [("photos", ("../../a.jpg", encoded())), ("photos", ("b.jpg", b"broken"))]
    first, second = client.post("/api/find/batch", files=files).json()["photos"]
    assert (first["name"], len(first["found"]["objects"]), first["error"]) == ("../../a.jpg", 4, None)
    assert (second["name"], second["found"], second["error"]["code"]) == ("b.jpg", None, "not_a_photo")


def test_a_batch_that_is_too_long_is_refused() -> None:
    with client_of(max_batch=2) as client:
        files = [("photos", (f"{number}.jpg", encoded())) for number in range(3)]
        assert code_of(client.post("/api/find/batch", files=files)) == (413, "too_many_photos")


def test_a_model_that_dies_is_told_and_does_not_take_the_server_along(client: TestClient) -> None:
    answer = client.post("/api/find", files={"photo": encoded(colour="black")})
    assert code_of(answer) == (503, "model_failed")
    assert "SIGKILL" in answer.json()["error"]["message"]
    assert client.post("/api/find", files={"photo": encoded()}).status_code == 200


def test_health_and_about(tmp_path: Path) -> None:
    served = pretended()
    with TestClient(create_app(served), base_url=HERE) as client:
        assert client.get("/api/health").json() == {"state": "ready", "message": ""}
        about = client.get("/api/about").json()
        assert (about["classes"], about["corrections"]) == (["Plastic", "Metal", "Mystery"], False)
        assert about["rules"]["classes"][about["rule_of"]["Metal"]]["bin"] == "metal"
        assert "Mystery" not in about["rule_of"]
        assert isinstance(served.finder, PretendedModel)
        served.finder.state, served.finder.failure = "failed", "no checkpoint"
        assert client.get("/api/health").json() == {"state": "failed", "message": "no checkpoint"}
        assert code_of(client.post("/api/find", files={"photo": encoded()})) == (503, "model_failed")


def test_the_api_describes_itself_and_loads_nothing_from_elsewhere(client: TestClient) -> None:
    described = client.get("/api/openapi.json").json()
    assert set(described["paths"]) == {
        "/api/health",
        "/api/about",
        "/api/find",
        "/api/find/batch",
        "/api/corrections",
    }
    assert client.get("/docs").status_code == 404


# ---- corrections

BOXES = [{"class_name": "Metal", "box": [10, 20, 50.5, 60]}, {"class_name": "Plastic", "box": [-5, 0, 300, 100]}]


def correct(client: TestClient, photo: bytes, objects: Any = BOXES) -> Any:
    text = objects if isinstance(objects, str) else json.dumps(objects)
    return client.post("/api/corrections", files={"photo": ("../../../evil.jpg", photo)}, data={"objects": text})


def test_a_correction_becomes_an_annotation(client: TestClient, tmp_path: Path) -> None:
    answer = correct(client, encoded())
    assert answer.status_code == 201
    assert answer.json() == {"file_name": answer.json()["file_name"], "annotations": 2, "photos": 1}
    kept = load_dataset(tmp_path / "kept" / "annotations.json")
    assert kept.class_names == CLASSES.class_names
    assert kept.category_ids.tolist() == CLASSES.category_ids.tolist()
    assert kept.images.file_name == (answer.json()["file_name"],)
    assert kept.annotations.class_index.tolist() == [1, 0]
    assert kept.annotations.box_xyxy.tolist() == [[10, 20, 50.5, 60], [0, 0, 200, 100]]  # cut at the border
    assert kept.annotations.area.tolist() == [40.5 * 40, 20000]
    assert read_photo(kept.path_of(0)).shape == (100, 200, 3)
    assert not list(tmp_path.rglob("evil*"))


def test_the_doctor_accepts_what_is_kept(client: TestClient, tmp_path: Path) -> None:
    for colour in ("green", "red", "blue"):
        correct(client, encoded(colour=colour))
    correct(client, encoded(colour="white"), [])  # nothing lies there
    report = examine(tmp_path / "kept" / "annotations.json", tmp_path / "kept")
    assert not report.breaks_training
    assert len(load_dataset(tmp_path / "kept" / "annotations.json")) == 4


def test_a_photo_corrected_again_keeps_its_last_boxes(client: TestClient, tmp_path: Path) -> None:
    for objects in (BOXES, BOXES[:1]):
        correct(client, encoded(colour="red"), objects)
        correct(client, encoded(colour="green"), objects)
    kept = load_dataset(tmp_path / "kept" / "annotations.json")
    assert (len(kept), kept.annotations.class_index.tolist()) == (2, [1, 1])
    assert len(list((tmp_path / "kept" / "photos").iterdir())) == 2


def test_what_a_camera_wrote_into_a_photo_is_not_kept(client: TestClient, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "SECRETCAMERA"
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (37.0, 33.0, 59.5)
    photo = encoded(exif=exif, comment=b"SECRETPLACE")
    assert b"SECRET" in photo
    correct(client, photo)
    [kept] = (tmp_path / "kept" / "photos").iterdir()
    assert b"SECRET" not in kept.read_bytes()
    with Image.open(kept) as image:
        assert not image.getexif()


@pytest.mark.parametrize(
    ("objects", "status", "code"),
    [
        ("no json", 422, "bad_objects"),
        ("{}", 422, "bad_objects"),
        ('[{"class_name": "Metal", "box": [1, 2, 3]}]', 422, "bad_objects"),
        ('[{"class_name": "Metal", "box": [1, 2, NaN, 9]}]', 422, "bad_box"),
        ('[{"class_name": "Metal", "box": [0, 0, 9, 9], "id": 7}]', 422, "bad_objects"),
        ([{"class_name": "Uranium", "box": [0, 0, 9, 9]}], 422, "unknown_class"),
        ([{"class_name": "Metal", "box": [9, 9, 5, 5]}], 422, "bad_box"),
        ([{"class_name": "Metal", "box": [500, 500, 900, 900]}], 422, "bad_box"),
        ([{"class_name": "Metal", "box": [0, 0, 9, 9]}] * 501, 413, "too_many_objects"),
    ],
)
def test_a_wrong_correction_saves_nothing(
    client: TestClient, tmp_path: Path, objects: Any, status: int, code: str
) -> None:
    assert code_of(correct(client, encoded(), objects)) == (status, code)
    assert not list((tmp_path / "kept").rglob("*.j*"))


def test_nothing_is_saved_without_being_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with client_of() as client:
        assert code_of(correct(client, encoded())) == (403, "nothing_is_saved")
        assert client.post("/api/find", files={"photo": encoded(size=(3000, 2000))}).status_code == 200
    assert not list(tmp_path.rglob("*"))
