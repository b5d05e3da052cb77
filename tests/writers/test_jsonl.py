import json
from pathlib import Path

import pytest

from bunri.errors import DataError, OutputError
from bunri.events import Ended, Resumed, Scalars
from bunri.writers.jsonl import JsonlWriter, read_metrics


def test_scalars_are_on_disk_as_soon_as_written(tmp_path: Path) -> None:
    path = tmp_path / "run" / "metrics.jsonl"
    writer = JsonlWriter(path)
    writer.write(Scalars(10, {"train/loss": 1.5}, 0.5))
    writer.write(Ended("done"))
    [row] = read_metrics(path)
    assert row.pop("time") > 1.7e9
    assert row == {"step": 10, "epoch": 0.5, "train/loss": 1.5}
    writer.close()


def test_resuming_drops_the_records_of_later_steps(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    first = JsonlWriter(path)
    for step in (1, 2, 3, 4):
        first.write(Scalars(step, {"train/loss": float(step)}))
    first.close()
    second = JsonlWriter(path)
    second.write(Resumed(2))
    second.write(Scalars(3, {"train/loss": 30.0}))
    second.close()
    assert [(row["step"], row["train/loss"]) for row in read_metrics(path)] == [(1, 1.0), (2, 2.0), (3, 30.0)]


def test_a_line_cut_off_by_a_kill_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\n{"step": 2}\n{"step": 3, "tra')
    assert [row["step"] for row in read_metrics(path)] == [1, 2]
    writer = JsonlWriter(path)
    writer.write(Scalars(3))
    writer.close()
    assert [row["step"] for row in read_metrics(path)] == [1, 2, 3]


def test_numbers_json_does_not_know_become_null(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    writer = JsonlWriter(path)
    writer.write(Scalars(1, {"train/loss": float("nan"), "lr/base": float("inf")}))
    writer.close()
    row = json.loads(path.read_text(), parse_constant=pytest.fail)
    assert (row["train/loss"], row["lr/base"]) == (None, None)


@pytest.mark.parametrize("content", ['{"step": 1}\nno json\n', "[1, 2]\n{}\n", "{}\n7\n"])
def test_another_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text(content)
    with pytest.raises(DataError, match="one JSON object a line"):
        read_metrics(path)


def test_no_file_has_no_records(tmp_path: Path) -> None:
    assert read_metrics(tmp_path / "metrics.jsonl") == []


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="must be writable"):
        JsonlWriter(tmp_path / "file" / "metrics.jsonl")
