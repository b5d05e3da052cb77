from pathlib import Path

from bunri.events import Progress, Resumed, Scalars
from bunri.writers.results_csv import CsvWriter, read_rows


def test_one_row_a_validation_with_the_last_training_numbers(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    writer = CsvWriter(path)
    writer.write(Scalars(1, {"train/loss": 2.0}, 0.5))
    writer.write(Progress(1))
    writer.write(Scalars(2, {"train/loss": 1.0}, 1.0))
    assert not path.exists()
    writer.write(Scalars(2, {"val/mAP50": 0.25}, 1.0))
    assert path.read_text() == "step,epoch,train/loss,val/mAP50\n2,1.0,1.0,0.25\n"


def test_a_column_that_comes_later_is_empty_before(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    writer = CsvWriter(path)
    writer.write(Scalars(1, {"val/mAP50": 0.1}))
    writer.write(Scalars(2, {"val/mAP50": 0.2, "val/AP50/Glass": 0.3}))
    assert [row["val/AP50/Glass"] for row in read_rows(path)] == ["", "0.3"]


def test_resuming_drops_later_rows_and_keeps_the_others(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    first = CsvWriter(path)
    for step in (2, 4, 6):
        first.write(Scalars(step, {"val/mAP50": step / 100}))
    second = CsvWriter(path)
    second.write(Resumed(4))
    assert [row["step"] for row in read_rows(path)] == ["2", "4"]
    second.write(Scalars(6, {"val/mAP50": 0.5}))
    assert [row["val/mAP50"] for row in read_rows(path)] == ["0.02", "0.04", "0.5"]
