"""Photos in tar shards, or in a store that fsspec reaches by a URL, read where they lie without unpacking anything.

A photo in a shard has a path like any other: ``shards/*.tar/street/1.jpg`` is the member ``street/1.jpg`` of one of the
shards. An index of where members lie is made once in a process by reading their heads, so that any photo is read at any
time, as samplers ask for them. URLs are kept in paths too, in which ``s3://bucket`` is ``s3:/bucket``.
"""

from bunri.shards.index import prepare
from bunri.shards.places import absolute_folder, holds_url, is_source, leaves_folder
from bunri.shards.reading import is_there, read_file, read_stored
from bunri.shards.writing import Written, write_shards

__all__ = [
    "Written",
    "absolute_folder",
    "holds_url",
    "is_source",
    "is_there",
    "leaves_folder",
    "prepare",
    "read_file",
    "read_stored",
    "write_shards",
]
