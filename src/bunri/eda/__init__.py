"""A data set looked at before anything trains: COCO JSON and photos in, one self-contained HTML page out."""

from bunri.eda.facts import EdaFacts
from bunri.eda.gathering import look_at
from bunri.eda.page import write_eda

__all__ = ["EdaFacts", "look_at", "write_eda"]
