"""What the pages have in common: one look, light and dark; words in two languages; figures drawn by the page itself."""

from bunri.pages.assets import Assets
from bunri.pages.rendering import render
from bunri.pages.words import Words, read_words

__all__ = ["Assets", "Words", "read_words", "render"]
