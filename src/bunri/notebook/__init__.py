"""What data, predictions and scores look like in a notebook."""

from bunri.notebook.pictures import Pictures, show

__all__ = ["Pictures", "show"]
