"""Numbers with their intervals, as a report has them everywhere."""

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked_dataclass

FROM_FILES = ConfigDict(allow_inf_nan=False)
"""Of facts that are read from files: made of something else they raise a ``ValueError``."""


@checked_dataclass(frozen=True, config=FROM_FILES)
class Interval:
    """A number with its 95% interval; a part that is not known is None."""

    value: float | None
    low: float | None = None
    high: float | None = None
