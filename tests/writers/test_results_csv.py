import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bunri.events import Event, Progress, Resumed, Scalars
from bunri.writers.jsonl import JsonlWriter
from bunri.writers.results_csv import CsvWriter


class Recorded:
    """Both records of a run, written in their order."""

    def __init__(self, folder: Path) -> None:
        self._metrics = JsonlWriter(folder / "metrics.jsonl")
        self._results = CsvWriter(folder / "results.csv", folder / "metrics.jsonl")

    def write(self, event: Event) -> None:
        self._metrics.write(event)
        self._results.write(event)

    def close(self) -> None:
        self._metrics.close()


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def open_records(tmp_path: Path) -> Iterator[Callable[[], Recorded]]:
    opened: list[Recorded] = []

    def open_again() -> Recorded:
        opened.append(Recorded(tmp_path))
        return opened[-1]

    yield open_again
    for one in opened:
        one.close()


def test_one_row_a_validation_with_the_last_training_numbers(
    tmp_path: Path, open_records: Callable[[], Recorded]
) -> None:
    path = tmp_path / "results.csv"
    writer = open_records()
    writer.write(Scalars(1, {"train/loss": 2.0}, 0.5))
    writer.write(Progress(1))
    writer.write(Scalars(2, {"train/loss": 1.0}, 1.0))
    assert not path.exists()
    writer.write(Scalars(2, {"val/mAP50": 0.25}, 1.0))
    assert path.read_text() == "step,epoch,train/loss,val/mAP50\n2,1.0,1.0,0.25\n"


def test_a_column_that_comes_later_is_empty_before(tmp_path: Path, open_records: Callable[[], Recorded]) -> None:
    path = tmp_path / "results.csv"
    writer = open_records()
    writer.write(Scalars(1, {"val/mAP50": 0.1}))
    writer.write(Scalars(2, {"val/mAP50": 0.2, "val/AP50/Glass": 0.3}))
    assert [row["val/AP50/Glass"] for row in rows(path)] == ["", "0.3"]


def test_resuming_drops_later_rows_and_keeps_the_others(tmp_path: Path, open_records: Callable[[], Recorded]) -> None:
    path = tmp_path / "results.csv"
    first = open_records()
    for step in (2, 4, 6):
        first.write(Scalars(step, {"val/mAP50": step / 100}))
    second = open_records()
    second.write(Resumed(4))
    assert [row["step"] for row in rows(path)] == ["2", "4"]
    second.write(Scalars(6, {"val/mAP50": 0.5}))
    assert [row["val/mAP50"] for row in rows(path)] == ["0.02", "0.04", "0.5"]


def test_a_row_its_killed_writer_had_no_time_for_is_there_when_the_run_goes_on(
    tmp_path: Path, open_records: Callable[[], Recorded]
) -> None:
    first = open_records()
    for step in (1, 2, 3):
        first.write(Scalars(step, {"train/loss": 1 / step}))
        first.write(Scalars(step, {"val/mAP50": step / 10}))
    whole = (tmp_path / "results.csv").read_text()
    (tmp_path / "results.csv").write_text("")
    open_records().write(Resumed(3))
    assert (tmp_path / "results.csv").read_text() == whole


def test_numbers_that_are_none_are_empty(tmp_path: Path, open_records: Callable[[], Recorded]) -> None:
    open_records().write(Scalars(1, {"val/mAP50": 0.5, "train/loss": float("nan")}))
    assert (tmp_path / "results.csv").read_text() == "step,epoch,val/mAP50,train/loss\n1,0.0,0.5,\n"
