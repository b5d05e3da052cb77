"""When runs last gave a sign, by the clock of who watches: that of another machine may be wrong."""

from pathlib import Path


class Signs:
    """Remembers when the times of files were seen to change."""

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[float, float]] = {}

    def quiet_seconds(self, run: Path, changed: float, now: float) -> float:
        """Seconds since a run's files changed.

        At the first look this is what their time says (``changed``, in seconds since 1970 by whatever clock set it; no
        later than ``now``); from then on the time does not matter, only that it is another one.
        """
        known, seen = self._seen.get(run, (changed, min(changed, now)))
        seen = seen if changed == known else now
        self._seen[run] = (changed, seen)
        return max(now - seen, 0.0)
