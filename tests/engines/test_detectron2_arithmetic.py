"""What a yacs config may compute."""

from typing import Any

import pytest

from bunri.engines.detectron2.arithmetic import value_of


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("[1, -2.5, (3, 4)]", [1, -2.5, (3, 4)]),
        ("2 + 3 * 4 - 6 / 3", 12.0),
        ("[x * 2 for x in [1, 2, 3]]", [2, 4, 6]),
        ("[[x, x * 2**(1.0/2)] for x in [32, 64 ]]", [[32, 32 * 2**0.5], [64, 64 * 2**0.5]]),
        ("[[x * y for y in [1, 2]] for x in [3, 4]]", [[3, 6], [4, 8]]),
    ],
)
def test_numbers_are_computed(text: str, value: Any) -> None:
    assert value_of(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "().__class__",
        "(1).real",
        "'a' * 1000000000",
        "[0] * 1000000000",
        "9**9**9**9",
        "1 << 100000000000",
        "[x for x in [1] if x]",
        "[x for x in [1] for y in [2]]",
        "[[[x for x in [1, 2]] for y in [1, 2]] for z in [1, 2]]",
        "x",
        "1 / 0",
        "2.0**64 * 1e999 - ",
        "(-1)**0.5",
        "[x for x in 3]",
        "lambda: 0",
        "f'{1}'",
        "True and False",
        "[" * 900,
        "1 + " * 500 + "1",
        "",
    ],
)
def test_all_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        value_of(text)
