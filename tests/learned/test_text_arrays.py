import base64
import json
import zlib

import numpy as np
import pytest

from bunri.errors import DataError
from bunri.learned.text_arrays import array_to_text, text_to_array


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
@pytest.mark.parametrize("shape", [(0,), (5,), (3, 4), (0, 7), (2, 3, 1)])
def test_there_and_back_nothing_changes(dtype: str, shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).normal(scale=1e3, size=shape).astype(dtype)
    back = text_to_array(json.loads(json.dumps(array_to_text(array))), dtype)
    assert back.dtype == dtype
    np.testing.assert_array_equal(back, array)


def test_order_in_memory_and_of_bytes_does_not_matter() -> None:
    array = np.arange(12, dtype=">i4").reshape(3, 4).T
    np.testing.assert_array_equal(text_to_array(array_to_text(array), "int32"), array)


def packed(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content)).decode()


GOOD = array_to_text(np.zeros(4, np.float32))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (GOOD | {"dtype": "float64"}, "its type must be float32, but it is 'float64'"),
        (GOOD | {"dtype": "object"}, "its type must be float32, but it is 'object'"),
        (GOOD | {"shape": [5]}, "must have 20 bytes, but has 16"),
        (GOOD | {"shape": [3]}, "must have 12 bytes, but has more"),
        (GOOD | {"shape": [-4]}, "at most"),
        (GOOD | {"shape": [1 << 40]}, "at most"),
        (GOOD | {"shape": 4}, "not iterable"),
        (GOOD | {"data": "no base 64!"}, "must be whole"),
        (GOOD | {"data": base64.b64encode(b"not compressed").decode()}, "must be whole"),
        (GOOD | {"data": packed(bytes(10_000_000))}, "must have 16 bytes, but has more"),  # a bomb is not unpacked
        ({"dtype": "float32"}, "shape"),
        ("text", "must be whole"),
        (None, "must be whole"),
    ],
)
def test_what_is_not_an_array_is_refused(value: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        text_to_array(value, "float32")
