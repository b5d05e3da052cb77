"""Colours that all classes share, so that colour alone does not tell them apart."""

import colorsys

import numpy as np

Colour = tuple[int, int, int]

_FAMILIES: tuple[tuple[float, tuple[float, float], tuple[float, float], tuple[float, float]], ...] = (
    # share, then ranges of hue, saturation and value
    (0.36, (0.05, 0.65), (0.00, 0.10), (0.80, 0.98)),  # white and cream
    (0.14, (0.00, 1.00), (0.00, 0.15), (0.12, 0.55)),  # grey and black
    (0.14, (0.06, 0.11), (0.25, 0.60), (0.45, 0.80)),  # kraft and brown
    (0.36, (0.00, 1.00), (0.45, 0.95), (0.40, 0.95)),  # printed
)


def any_colour(random: np.random.Generator) -> Colour:
    """A colour of the shared families."""
    shares = np.array([family[0] for family in _FAMILIES])
    _, hue, saturation, value = _FAMILIES[int(random.choice(len(_FAMILIES), p=shares / shares.sum()))]
    return from_hsv(random.uniform(*hue), random.uniform(*saturation), random.uniform(*value))


def bright_colour(random: np.random.Generator) -> Colour:
    """A printed colour."""
    return from_hsv(random.random(), random.uniform(0.5, 0.95), random.uniform(0.45, 0.95))


def from_hsv(hue: float, saturation: float, value: float) -> Colour:
    """A colour from hue, saturation and value in [0, 1]."""
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return int(red * 255), int(green * 255), int(blue * 255)


def lit(colour: Colour, factor: float) -> Colour:
    """The colour in more (above 1) or less light."""
    red, green, blue = (int(min(255.0, part * factor)) for part in colour)
    return red, green, blue


def contrast(random: np.random.Generator, colour: Colour) -> Colour:
    """A colour to print on another one: dark on light, light on dark, or bright."""
    if random.random() < 0.5:
        return bright_colour(random)
    return (35, 35, 40) if sum(colour) > 380 else (235, 232, 225)
