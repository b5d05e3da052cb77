"""Arrays as text in JSON: exact, small, and nothing that could run when it is read."""

import base64
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bunri.errors import DataError

DTYPES = ("float32", "float64", "int64")


def array_to_text(array: NDArray[Any]) -> dict[str, Any]:
    """Shape, type and the bytes of an array, little-endian, compressed, in base 64."""
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    data = base64.b64encode(zlib.compress(little.tobytes(), 6)).decode()
    return {"dtype": array.dtype.name, "shape": list(array.shape), "data": data}


def text_to_array(value: dict[str, Any]) -> NDArray[Any]:
    """Back from ``array_to_text``.

    Raises:
        DataError: It is not an array written by it.
    """
    try:
        if value["dtype"] not in DTYPES:
            raise ValueError(f"type {value['dtype']!r} is not one of {', '.join(DTYPES)}")
        content = zlib.decompress(base64.b64decode(value["data"], validate=True))
        dtype = np.dtype(value["dtype"])
        return np.frombuffer(content, dtype.newbyteorder("<")).reshape(value["shape"]).astype(dtype)
    except (KeyError, TypeError, ValueError, zlib.error) as error:
        raise DataError(f"an array of a fitted model must be whole, but it is not: {error}. Fit it again.") from error
