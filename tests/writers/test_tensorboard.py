from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from bunri.events import Ended, Resumed, Scalars
from bunri.run_folder import RunFolder
from bunri.writers import RecordedRun
from bunri.writers.tensorboard_writer import TensorBoardWriter


def recorded(folder: Path) -> RecordedRun:
    return RecordedRun("trash", "fcos", "fcos fold0", RunFolder(folder))


def curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Steps and values by name, as TensorBoard reads them."""
    found = EventAccumulator(str(RunFolder(folder).tensorboard_folder))
    found.Reload()
    names = found.Tags()["scalars"]
    return {name: [(event.step, event.value) for event in found.Scalars(name)] for name in names}


def test_scalars_have_their_names_and_steps(tmp_path: Path) -> None:
    writer = TensorBoardWriter(recorded(tmp_path))
    writer.write(Scalars(10, {"train/loss": 1.5, "train/loss/classification": 0.5}, 0.5))
    writer.write(Scalars(20, {"train/loss": 1.25, "val/AP50/General trash": 0.75}, 1.0))
    writer.write(Ended("done"))
    writer.close()
    assert curves(tmp_path) == {
        "train/loss": [(10, 1.5), (20, 1.25)],
        "train/loss/classification": [(10, 0.5)],
        "val/AP50/General trash": [(20, 0.75)],
    }


def test_what_came_after_the_checkpoint_is_forgotten_where_training_resumes(tmp_path: Path) -> None:
    first = TensorBoardWriter(recorded(tmp_path))
    for step in (1, 2, 3, 4):
        first.write(Scalars(step, {"train/loss": float(step)}))
    first.close()
    second = TensorBoardWriter(recorded(tmp_path))
    second.write(Resumed(2))
    second.write(Scalars(3, {"train/loss": 30.0}))
    second.close()
    assert len(list(RunFolder(tmp_path).tensorboard_folder.iterdir())) == 2
    assert curves(tmp_path) == {"train/loss": [(1, 1.0), (2, 2.0), (3, 30.0)]}


def test_a_place_that_cannot_be_written_fails(tmp_path: Path) -> None:
    (tmp_path / "tensorboard").write_text("a file")
    with pytest.raises(OSError, match="tensorboard"):
        TensorBoardWriter(recorded(tmp_path))
