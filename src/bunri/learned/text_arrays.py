"""Arrays as text in JSON: exact, small, and nothing that could run when it is read."""

import base64
import math
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bunri.errors import DataError

MOST_BYTES = 1 << 28
"""No array of a fitted model is larger; a small text that claims to be is not unpacked."""


def array_to_text(array: NDArray[Any]) -> dict[str, Any]:
    """Shape, type and the bytes of an array, little-endian, compressed, in base 64."""
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    data = base64.b64encode(zlib.compress(little.tobytes(), 6)).decode()
    return {"dtype": array.dtype.name, "shape": list(array.shape), "data": data}


def text_to_array(value: Any, dtype: str) -> NDArray[Any]:
    """Back from ``array_to_text`` of an array of type ``dtype``.

    Raises:
        DataError: It is not an array written by it, or of another type.
    """
    try:
        if value["dtype"] != dtype:
            raise ValueError(f"its type must be {dtype}, but it is {value['dtype']!r}")
        shape, little = [int(side) for side in value["shape"]], np.dtype(dtype).newbyteorder("<")
        content = _unpacked(base64.b64decode(value["data"], validate=True), math.prod(shape) * little.itemsize)
        return np.frombuffer(content, little).reshape(shape).astype(dtype)
    except (KeyError, TypeError, ValueError, zlib.error) as error:
        raise DataError(f"an array of a fitted model must be whole, but it is not: {error}. Fit it again.") from error


def _unpacked(packed: bytes, size: int) -> bytes:
    if not 0 <= size <= MOST_BYTES:
        raise ValueError(f"it must have at most {MOST_BYTES} bytes, but claims {size}")
    content = zlib.decompressobj().decompress(packed, size + 1)
    if len(content) != size:
        raise ValueError(f"it must have {size} bytes, but has {'more' if len(content) > size else len(content)}")
    return content
