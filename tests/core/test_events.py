import pytest

from bunri.errors import DataError
from bunri.events import (
    Answered,
    Ended,
    Event,
    Facts,
    Note,
    PhaseStarted,
    Progress,
    Ready,
    Resumed,
    Scalars,
    from_line,
    to_line,
)


@pytest.mark.parametrize(
    "event",
    [
        PhaseStarted("train", 100, 7),
        Progress(3),
        Scalars(5, {"train/loss": 0.1, "val/AP50/종이": 1.0}, 0.25),
        Note("무게\nloaded", "warning"),
        Facts({"weights": "packaged", "amp": False, "seed": None}),
        Resumed(40),
        Ready(),
        Answered([0, 2], [1, 0], [0.1, 1 / 3], [[0.0, 1.0, 2.5, 1e-17], [0.0, 0.0, 1.0, 1.0]]),
        Answered(error="out of memory"),
        Ended("failed", "out of memory", 1),
    ],
)
def test_an_event_goes_through_a_line_unchanged(event: Event) -> None:
    line = to_line(event)
    assert "\n" not in line
    assert from_line(line) == event


@pytest.mark.parametrize("line", ["", "[]", "3", '{"kind": "magic"}', '{"step": 1}', '{"kind": "progress", "stop": 1}'])
def test_a_line_that_is_no_event(line: str) -> None:
    with pytest.raises(DataError, match="line of JSON with a known kind"):
        from_line(line)
