"""Reading photos that may be stored in shards."""

from pathlib import Path

from bunri.files import is_file
from bunri.shards.index import index_of
from bunri.shards.places import place_of
from bunri.shards.stores import store_of, told


def read_stored(path: Path) -> bytes | None:
    """The bytes of a stored photo; None for a path of a file in a folder.

    Raises:
        FileNotFoundError: The source has no such photo.
        DataError: The source cannot be read.
    """
    place = place_of(path)
    if place is None:
        return None
    index = index_of(place.source)
    if place.member not in index.row:
        raise FileNotFoundError(2, f"it is not in {place.source}")
    with told(place.source):
        return index.content(index.row[place.member], store_of(place.source))


def read_file(path: Path) -> bytes:
    """The bytes of a photo, stored or in a folder.

    Raises:
        OSError: It is not there.
        DataError: The source cannot be read.
    """
    stored = read_stored(path)
    return path.read_bytes() if stored is None else stored


def is_there(path: Path) -> bool:
    """Whether there is a photo, stored or in a folder.

    Raises:
        DataError: The source cannot be read.
    """
    place = place_of(path)
    return is_file(path) if place is None else place.member in index_of(place.source).row
