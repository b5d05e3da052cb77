"""The ten classes of trash, each drawn in several kinds."""

from bunri.demo.objects.cloth import clothing, plastic_bag
from bunri.demo.objects.packages import general_trash, paper, paper_pack, styrofoam
from bunri.demo.objects.sprite import Sketch
from bunri.demo.objects.vessels import battery, glass, metal, plastic

SKETCHES: dict[str, Sketch] = {
    "General trash": general_trash,
    "Paper": paper,
    "Paper pack": paper_pack,
    "Metal": metal,
    "Glass": glass,
    "Plastic": plastic,
    "Styrofoam": styrofoam,
    "Plastic bag": plastic_bag,
    "Battery": battery,
    "Clothing": clothing,
}
"""How each class is drawn."""

LONG_SIDE: dict[str, tuple[float, float]] = {
    "General trash": (26, 80),
    "Paper": (28, 105),
    "Paper pack": (32, 90),
    "Metal": (28, 80),
    "Glass": (36, 105),
    "Plastic": (34, 105),
    "Styrofoam": (34, 110),
    "Plastic bag": (38, 120),
    "Battery": (24, 48),
    "Clothing": (56, 120),
}
"""Smallest and largest long side in pixels of the photo; sizes between are log-uniform."""
