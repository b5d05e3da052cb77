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
    "General trash": (32, 88),
    "Paper": (34, 110),
    "Paper pack": (44, 104),
    "Metal": (40, 96),
    "Glass": (52, 120),
    "Plastic": (46, 116),
    "Styrofoam": (40, 116),
    "Plastic bag": (42, 124),
    "Battery": (32, 60),
    "Clothing": (60, 124),
}
"""Smallest and largest long side in pixels of the photo; sizes between are log-uniform."""
