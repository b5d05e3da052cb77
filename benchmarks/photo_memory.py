"""Peak memory of reading the largest photo that is read, for each format and mode.

    PYTHONPATH=$PWD/src python benchmarks/photo_memory.py [--pixels 178000000] [FORMAT ...]

Each photo is written in one process and read in another, whose peak resident memory is printed. A photo that is refused
says so.
"""

import argparse
import math
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

KINDS = {
    "jpeg": ("JPEG", "RGB", {"quality": 50}),
    "jpeg turned": ("JPEG", "RGB", {"quality": 50, "turned": True}),
    "jpeg cmyk": ("JPEG", "CMYK", {"quality": 50}),
    "png": ("PNG", "RGB", {"compress_level": 1}),
    "png turned": ("PNG", "RGB", {"compress_level": 1, "turned": True}),
    "png alpha": ("PNG", "RGBA", {"compress_level": 1}),
    "png palette": ("PNG", "P", {"compress_level": 1, "transparency": 3}),
    "png 16 bits": ("PNG", "I;16", {"compress_level": 1}),
    "webp": ("WEBP", "RGB", {"lossless": True, "quality": 0, "method": 0}),
    "webp alpha": ("WEBP", "RGBA", {"lossless": True, "quality": 0, "method": 0}),
    "avif": ("AVIF", "RGB", {"quality": 20, "speed": 10}),
    "avif alpha": ("AVIF", "RGBA", {"quality": 20, "speed": 10}),
    "heic": ("HEIF", "RGB", {"quality": 20}),
    "heic alpha": ("HEIF", "RGBA", {"quality": 20}),
    "bmp": ("BMP", "RGB", {}),
    "gif": ("GIF", "P", {}),
    "tiff": ("TIFF", "RGB", {}),
    "tiff turned": ("TIFF", "RGB", {"turned": True}),
    "tiff alpha": ("TIFF", "RGBA", {"compression": "tiff_deflate"}),
    "jpeg 2000": ("JPEG2000", "RGB", {"quality_mode": "rates", "quality_layers": [200], "num_resolutions": 2}),
    "jpeg 2000 alpha": ("JPEG2000", "RGBA", {"quality_mode": "rates", "quality_layers": [200], "num_resolutions": 2}),
    "ppm": ("PPM", "RGB", {}),
    "tga": ("TGA", "RGB", {}),
}

READ = """
import resource, sys, time
from bunri.errors import DataError
from bunri.photos import read_photo
start = time.monotonic()
try:
    told = str(read_photo(sys.argv[1]).shape)
except DataError as error:
    told = str(error)[:200]
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(f"{peak:5.2f} GiB  {time.monotonic() - start:5.1f} s  {told}")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pixels", type=int, default=178_000_000)
    parser.add_argument("kinds", nargs="*")
    asked = parser.parse_args()
    with TemporaryDirectory() as folder:
        for kind in asked.kinds or KINDS:
            path = Path(folder) / "photo"
            path.unlink(missing_ok=True)
            told = _in_a_process(
                "-c", f"import photo_memory; photo_memory.write({kind!r}, {asked.pixels}, {str(path)!r})"
            )
            print(f"{kind:16} {_in_a_process('-c', READ, str(path)).strip() if path.exists() else told}", flush=True)


def _in_a_process(*arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], cwd=Path(__file__).parent, capture_output=True, text=True)
    return done.stdout or done.stderr[-300:]


def write(kind: str, pixels: int, path: str) -> None:
    """Write a photo of grey stripes; twice as wide as high."""
    format_, mode, options = KINDS[kind]
    if format_ == "HEIF":
        from pillow_heif import register_heif_opener

        register_heif_opener(thumbnails=False)
    height = math.isqrt(pixels * 3 // 4)  # webp has at most 16383 pixels a side
    width = pixels // height
    exif = Image.Exif()
    if options.pop("turned", False):
        exif[0x0112] = 6
        options["exif"] = exif
    start = time.monotonic()
    _image(mode, width, height).save(path, format=format_, **options)
    print(f"written in {time.monotonic() - start:.0f} s")


def _image(mode: str, width: int, height: int) -> Image.Image:
    stripe = np.arange(height, dtype=np.uint16 if mode == "I;16" else np.uint8)[:, None]
    grey = Image.fromarray(np.broadcast_to(stripe, (height, width)).copy())
    return grey if mode == "I;16" else grey.convert(mode)


if __name__ == "__main__":
    main()
