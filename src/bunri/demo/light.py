"""From a painted scene to a photo: light, shadows, colour cast, lens and sensor."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from bunri.demo.fields import Field, ramp, stretched


def photograph(scene: Image.Image, random: np.random.Generator, width: int, height: int) -> Image.Image:
    """The photo of a scene: lit, scaled to ``width`` by ``height``, a little soft, tinted and noisy."""
    photo = scene.resize((width, height), Image.Resampling.BOX)
    photo = photo.filter(ImageFilter.GaussianBlur(float(random.choice((0.0, 0.3, 0.6, 0.9)))))
    pixels = np.asarray(photo, dtype=np.float32) * _light(random, width, height)[..., None] * _cast(random)
    noise = random.standard_normal(pixels.shape, dtype=np.float32) * random.uniform(1, 6)
    return Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))


def _light(random: np.random.Generator, width: int, height: int) -> Field:
    slope = ramp(width, height, random.uniform(0, 360)) * random.uniform(0, 0.3)
    light = random.uniform(0.7, 1.15) * (1 + slope)
    if random.random() < 0.45:
        light = light * _cast_shadow(random, width, height)
    return np.asarray(light, dtype=np.float32)


def _cast_shadow(random: np.random.Generator, width: int, height: int) -> Field:
    """Shadow of something outside the photo: a pole, a wall, a tree; 1 in the light."""
    small = 64
    mask = Image.new("L", (small, small), 255)
    dark = int(random.integers(100, 180))
    points = [(float(x), float(y)) for x, y in random.uniform(-20, small + 20, (int(random.integers(3, 7)), 2))]
    ImageDraw.Draw(mask).polygon(points, fill=dark)
    soft = mask.filter(ImageFilter.GaussianBlur(float(random.uniform(0.5, 3))))
    return stretched(np.asarray(soft, dtype=np.float64) / 255, width, height, Image.Resampling.BILINEAR)


def _cast(random: np.random.Generator) -> Field:
    return np.asarray(random.normal(1.0, 0.06, 3).clip(0.85, 1.15), dtype=np.float32)
