import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from bunri import pixels
from bunri.errors import DataError
from bunri.photos import (
    MOST_PIXELS,
    Photo,
    TooManyPixels,
    UnreadablePhoto,
    exif_orientation,
    near_duplicate_pairs,
    perceptual_hash,
    photo_from_bytes,
    photo_size,
    read_photo,
)
from bunri.pixels import as_rgb
from io_builders import write_photo


def _quarters(mode: str = "RGB") -> Image.Image:
    """8 x 4 pixels: red in the upper left quarter, white in the others."""
    image = Image.new("RGB", (8, 4), "white")
    image.paste("red", (0, 0, 4, 2))
    return image.convert(mode)


def _save(folder: Path, image: Image.Image, name: str = "photo.png", **options: Any) -> Path:
    image.save(folder / name, **options)
    return folder / name


def test_a_photo_is_height_width_rgb(tmp_path: Path) -> None:
    photo = read_photo(_save(tmp_path, _quarters()))
    assert photo.shape == (4, 8, 3)
    assert photo.dtype == np.uint8
    assert photo[0, 0].tolist() == [255, 0, 0]
    assert photo[3, 7].tolist() == [255, 255, 255]


@pytest.mark.parametrize(
    ("orientation", "shape", "red_corner"),
    [  # where the upper left of the stored image is to be seen (EXIF 2.3, tag 0x0112)
        (1, (4, 8), (0, 0)),
        (2, (4, 8), (0, -1)),
        (3, (4, 8), (-1, -1)),
        (4, (4, 8), (-1, 0)),
        (5, (8, 4), (0, 0)),
        (6, (8, 4), (0, -1)),
        (7, (8, 4), (-1, -1)),
        (8, (8, 4), (-1, 0)),
    ],
)
def test_exif_orientation_is_applied(
    tmp_path: Path, orientation: int, shape: tuple[int, int], red_corner: tuple[int, int]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = _save(tmp_path, _quarters(), exif=exif)
    photo = read_photo(path)
    assert photo.shape[:2] == shape
    assert photo[red_corner].tolist() == [255, 0, 0]
    assert (photo == [255, 0, 0]).all(axis=2).sum() == 8
    assert photo_size(path) == (shape[1], shape[0])
    assert exif_orientation(path) == orientation


def test_broken_exif_does_not_spoil_a_photo(tmp_path: Path) -> None:
    path = _save(tmp_path, _quarters(), "photo.jpg", exif=b"Exif\0\0MM\0\x2a" + b"\xff" * 20)
    assert read_photo(path).shape == (4, 8, 3)
    assert exif_orientation(path) == 1


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "RGBA", "LA", "YCbCr"])
def test_every_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    name = "photo.tiff" if mode in {"CMYK", "YCbCr"} else "photo.png"
    photo = read_photo(_save(tmp_path, _quarters(mode), name))
    assert photo.shape == (4, 8, 3)
    assert photo[3, 7].tolist() == [255, 255, 255]
    assert photo[0, 0].tolist() != [255, 255, 255]


@pytest.mark.parametrize(("stored", "seen"), [(0, 0), (257, 1), (32768, 128), (65535, 255)])
def test_sixteen_bits_are_scaled_to_eight(tmp_path: Path, stored: int, seen: int) -> None:
    image = Image.fromarray(np.full((4, 8), stored, np.uint16))
    assert (read_photo(_save(tmp_path, image)) == seen).all()


def test_transparency_lies_on_white(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (8, 4), (0, 0, 0, 0))
    assert (read_photo(_save(tmp_path, clear)) == 255).all()
    half = Image.new("RGBA", (8, 4), (0, 0, 0, 128))
    assert read_photo(_save(tmp_path, half))[0, 0].tolist() == [127, 127, 127]  # 255 * (1 - 128 / 255)


def test_a_palette_with_a_clear_colour_lies_on_white(tmp_path: Path) -> None:
    image = _quarters().quantize(4)
    red = image.getpixel((0, 0))
    photo = read_photo(_save(tmp_path, image, transparency=red))
    assert (photo == 255).all()


def test_of_an_animation_the_first_frame_is_read(tmp_path: Path) -> None:
    frames = [_quarters(), Image.new("RGB", (8, 4), "blue")]
    path = tmp_path / "photo.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert read_photo(path)[0, 0].tolist() == [255, 0, 0]


def _absent(path: Path) -> None:
    path.unlink()


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def _text(path: Path) -> None:
    path.write_text("not a photo")


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("spoil", [_absent, _truncated, _text, _empty, _folder])
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_a_photo_that_cannot_be_read_is_named(tmp_path: Path, spoil: object, suffix: str) -> None:
    path = write_photo(tmp_path / f"spoilt.{suffix}")
    assert callable(spoil)
    spoil(path)
    with pytest.raises(DataError, match=rf"whole image file, but .*spoilt.{suffix}: .*bunri doctor"):
        read_photo(path)


def _png_of(width: int, height: int) -> bytes:
    """The head of a PNG that claims to be of a size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(b"\0"))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def test_a_decompression_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(_png_of(60_000, 60_000))
    for read in (read_photo, photo_size):
        with pytest.raises(DataError, match=r"bomb.png: .*decompression bomb"):
            read(path)


def _encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    if kind == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _sideways() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif.tobytes()  # of bytes alone the writer of HEIC makes the turn that its readers go by


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF", "AVIF", "TIFF"])
def test_phones_formats_are_read_upright_whatever_the_file_is_called(tmp_path: Path, kind: str) -> None:
    big = _quarters().resize((160, 80), Image.Resampling.NEAREST)  # lossy formats need room
    (tmp_path / "photo.jpg").write_bytes(_encoded(big, kind, exif=_sideways()))
    photo = read_photo(tmp_path / "photo.jpg")
    assert photo.shape == (160, 80, 3)
    assert photo[20, 60].tolist() == pytest.approx([255, 0, 0], abs=12)  # orientation 6: red is upper right
    assert photo[140, 20].tolist() == pytest.approx([255, 255, 255], abs=12)
    assert photo_size(tmp_path / "photo.jpg") == (80, 160)


def test_heic_is_read_in_a_process_that_has_not_seen_any(tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(_encoded(_quarters().resize((160, 80)), "HEIF"))
    code = "import sys; from bunri.photos import read_photo; print(read_photo(sys.argv[1]).shape)"
    told = subprocess.run([sys.executable, "-c", code, tmp_path / "a.heic"], capture_output=True, text=True)
    assert (told.stdout, told.stderr) == ("(80, 160, 3)\n", "")


@pytest.mark.parametrize("kind", ["EPS", "PDF", "ICO"])
def test_formats_that_are_no_photos_are_refused_unread(tmp_path: Path, kind: str) -> None:
    (tmp_path / "photo.jpg").write_bytes(_encoded(_quarters().resize((32, 32)), kind))
    with pytest.raises(UnreadablePhoto, match="no format of photos that is known"):
        read_photo(tmp_path / "photo.jpg")


@pytest.mark.parametrize(("kind", "options"), [("JPEG", {}), ("PNG", {}), ("HEIF", {})])
def test_a_photo_of_a_stranger_is_read_from_bytes(kind: str, options: dict[str, Any]) -> None:
    content = _encoded(_quarters().resize((160, 80)), kind, **options)
    assert photo_from_bytes(content, max_pixels=160 * 80).shape == (80, 160, 3)
    with pytest.raises(TooManyPixels, match=r"160 x 80 pixels, and 12799 are allowed"):
        photo_from_bytes(content, max_pixels=160 * 80 - 1)


def test_a_bomb_from_a_stranger_is_refused_by_its_head() -> None:
    for sides in ((60_000, 60_000), (8_000, 8_000)):
        with pytest.raises(TooManyPixels):
            photo_from_bytes(_png_of(*sides), max_pixels=50_000_000)


@pytest.mark.parametrize("content", [b"", b"text", b"\xff\xd8\xff", b"\0\0\0\x18ftypheic\0\0\0\0", b"GIF89a"])
def test_bytes_that_are_no_photo_are_refused(content: bytes) -> None:
    with pytest.raises(UnreadablePhoto, match="the photo"):
        photo_from_bytes(content, max_pixels=1000)


def _photo(seed: int) -> Photo:
    blocks = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), np.uint8)
    return np.array(Image.fromarray(blocks).resize((320, 240), Image.Resampling.BICUBIC))


def _half_size(image: Image.Image) -> Image.Image:
    return image.resize((160, 120))


def _brighter(image: Image.Image) -> Image.Image:
    return image.point(lambda value: min(255, int(value * 1.1)))


def _border_cut(image: Image.Image) -> Image.Image:
    return image.crop((2, 2, 318, 238))


@pytest.mark.parametrize("change", [_half_size, _brighter, _border_cut])
def test_nearly_the_same_photo_is_found_and_others_are_not(change: object) -> None:
    assert callable(change)
    photos = [_photo(seed) for seed in range(6)]
    changed = np.array(change(Image.fromarray(photos[2])))
    hashes = np.array([perceptual_hash(photo) for photo in (*photos, changed)])
    assert hashes.shape == (7, 4)
    assert near_duplicate_pairs(hashes).tolist() == [[2, 6]]


def test_bits_that_differ_are_counted() -> None:
    hashes = np.array([[0, 0, 0, 0], [0b111, 0, 0, 0b1], [0b11, 0, 0, 0]], np.uint64)  # 4, 2 and 2 bits apart
    assert near_duplicate_pairs(hashes, max_bits=1).tolist() == []
    assert near_duplicate_pairs(hashes, max_bits=2).tolist() == [[0, 2], [1, 2]]
    assert near_duplicate_pairs(hashes, max_bits=4).tolist() == [[0, 1], [0, 2], [1, 2]]


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_photos_for_a_pair(count: int) -> None:
    assert near_duplicate_pairs(np.zeros((count, 4), np.uint64)).shape == (0, 2)


PEAK = """
import resource, sys
import bunri.photos
from PIL import Image, ImageOps
Image.init()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
height, width, _ = bunri.photos.read_photo(sys.argv[1]).shape
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / (height * width))
"""


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "I;16"])
def test_a_photo_takes_the_memory_of_its_pixels_decoded_and_read_and_little_more(tmp_path: Path, mode: str) -> None:
    """At the 179 million pixels Pillow decodes, 8 bytes each are 1.4 GB."""
    grey = Image.fromarray(np.zeros((4000, 5000), np.uint16 if mode == "I;16" else np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    path = _save(tmp_path, grey if mode == "I;16" else grey.convert(mode), exif=exif, compress_level=1)
    done = subprocess.run([sys.executable, "-c", PEAK, str(path)], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 4 + 3 + 2


def test_a_photo_in_strips_is_the_photo_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Image.fromarray(np.random.default_rng(0).integers(0, 256, (37, 23, 4), np.uint8), "RGBA")
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        file = io.BytesIO()
        whole.save(file, "PNG", exif=exif)
        with Image.open(file) as image:
            expected = np.asarray(as_rgb(ImageOps.exif_transpose(image)))
        monkeypatch.setattr(pixels, "STRIP", 50)
        assert (photo_from_bytes(file.getvalue(), 10**6) == expected).all()


def test_a_format_whose_decoder_takes_more_has_a_limit_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _save(tmp_path, _quarters(), "photo.jp2")
    assert read_photo(path).shape == (4, 8, 3)
    monkeypatch.setitem(MOST_PIXELS, "JPEG2000", 31)
    with pytest.raises(TooManyPixels, match="it has 8 x 4 pixels, and 31 are allowed of JPEG2000"):
        read_photo(path)
