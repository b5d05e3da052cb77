from pathlib import Path

import pytest

from bunri.events import Event, Progress, Scalars
from bunri.run_folder import RunFolder
from bunri.writers import Guarded, RecordedRun, WritersSettings, open_writers


class FailingWriter:
    """Fails at the second event and at closing."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def write(self, event: Event) -> None:
        self.events.append(event)
        if len(self.events) == 2:
            raise ConnectionError("no route to the server")

    def close(self) -> None:
        raise ConnectionError("still none")


def test_a_failing_writer_says_so_once_and_steps_aside() -> None:
    told: list[str] = []
    failing = FailingWriter()
    guarded = Guarded(failing, "wandb", told.append)
    for step in range(5):
        guarded.write(Progress(step))
    guarded.close()
    assert told == ["warning: the wandb writer failed and steps aside; the run goes on: no route to the server"]
    assert len(failing.events) == 2


def test_closing_is_guarded_too(capsys: pytest.CaptureFixture[str]) -> None:
    Guarded(FailingWriter(), "wandb").close()
    assert "the wandb writer failed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "files"),
    [({}, {"metrics.jsonl", "results.csv"}), ({"csv": False, "console": False}, {"metrics.jsonl"})],
)
def test_the_settings_say_which_writers_open(tmp_path: Path, settings: dict[str, bool], files: set[str]) -> None:
    recorded = RecordedRun("trash", "fcos", "fcos fold0", RunFolder(tmp_path))
    writers = open_writers(WritersSettings.validated(settings, "test"), recorded)
    for writer in writers:
        writer.write(Scalars(1, {"val/mAP50": 0.5}))
        writer.close()
    assert {path.name for path in tmp_path.iterdir()} == files
