import os
from pathlib import Path

import pytest

from bunri.watch.overview import Overview
from bunri.watch.signs import Signs
from bunri.watch.status import SILENT_SECONDS
from watch.watched_runs import NOW, write_run

HOUR = 3600.0


def test_the_first_look_believes_the_time_of_the_files_but_none_to_come() -> None:
    assert Signs().quiet_seconds(Path("a"), NOW - 7, NOW) == 7
    assert Signs().quiet_seconds(Path("a"), NOW + HOUR, NOW) == 0


@pytest.mark.parametrize("clock", [-HOUR, -1.0, 0.0, HOUR])
def test_of_a_machine_with_a_wrong_clock_only_changes_count(clock: float) -> None:
    signs, run = Signs(), Path("a")
    signs.quiet_seconds(run, NOW + clock, NOW)
    assert signs.quiet_seconds(run, NOW + clock + 2, NOW + 2) == 0
    assert signs.quiet_seconds(run, NOW + clock + 2, NOW + 30) == 28
    assert signs.quiet_seconds(Path("b"), NOW, NOW + 30) == 30


def set_clock(folder: Path, time: float) -> None:
    for path in folder.iterdir():
        os.utime(path, (time, time))


def test_a_run_on_a_machine_an_hour_behind_is_not_taken_for_dead(tmp_path: Path) -> None:
    folder, overview = write_run(tmp_path / "fold0"), Overview([tmp_path])
    set_clock(folder, NOW - HOUR)
    assert overview.read(NOW)["runs"][0]["is_silent"]
    set_clock(folder, NOW - HOUR + 2)
    run = overview.read(NOW + 2)["runs"][0]
    assert (run["is_silent"], run["quiet_seconds"]) == (False, 0)


def test_a_run_on_a_machine_an_hour_ahead_is_silent_when_it_is(tmp_path: Path) -> None:
    folder, overview = write_run(tmp_path / "fold0"), Overview([tmp_path])
    set_clock(folder, NOW + HOUR)
    assert not overview.read(NOW)["runs"][0]["is_silent"]
    assert overview.read(NOW + SILENT_SECONDS + 1)["runs"][0]["is_silent"]
