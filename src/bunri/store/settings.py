"""Where runs are kept beside the machine they were trained on."""

from collections.abc import Iterator
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field

from bunri.settings import Settings


class StoreSettings(Settings):
    """Where finished runs are put; keys and endpoints come from the environment, as its own tools take them."""

    url: str
    """A folder as fsspec names it, such as ``s3://bucket/path``; a local one is ``file:///path``."""
    checkpoint_minutes: Annotated[float, Field(gt=0)] | None = None
    """Every so many minutes a run that goes on is put there as well, with its last checkpoint; null puts ends only."""


def url_mistakes(url: str) -> Iterator[str]:
    """What is wrong with the URL of a store, without repeating it: it may hold a key."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        yield f"must be a URL, but {error}"
        return
    if "@" in parts.netloc:
        yield "must have no name, key or password, as it is written to every run: give them in the environment"
    elif "://" not in url:
        yield f"must be a URL such as s3://bucket/path or file:///path, but got {url!r}"
