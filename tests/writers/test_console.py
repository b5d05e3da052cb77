import io
import sys
from pathlib import Path

import pytest

from bunri.events import Ended, Note, PhaseStarted, Progress, Scalars
from bunri.run_folder import RunFolder
from bunri.writers.base import RecordedRun
from bunri.writers.console import BarWriter, LineWriter, console_writer

RUN = RecordedRun("trash", "fcos", "fcos fold0", RunFolder(Path("unused")))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_one_line_a_validation_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    writer = console_writer(RUN)
    assert isinstance(writer, LineWriter)
    writer.write(PhaseStarted("train", 20))
    for step in range(1, 11):  # two steps an epoch, validated every second epoch
        writer.write(Progress(step))
        writer.write(Scalars(step, {"train/loss": 1 / step, "lr/base": 0.01, "lr/backbone": 0.002}, step / 2))
        if step % 4 == 0:
            writer.write(Scalars(step, {"val/mAP50": step / 10}, step / 2))
    writer.write(Ended("done"))
    assert capsys.readouterr() == (
        "",
        "fcos fold0: epoch 1.50 step 3 loss 0.333 lr 0.01\n"
        "fcos fold0: epoch 2.00 step 4 loss 0.250 lr 0.01 mAP50 0.4000\n"
        "fcos fold0: epoch 3.50 step 7 loss 0.143 lr 0.01 mAP50 0.4000\n"
        "fcos fold0: epoch 4.00 step 8 loss 0.125 lr 0.01 mAP50 0.8000\n"
        "fcos fold0: done loss 0.100 lr 0.01 mAP50 0.8000\n",
    )


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Note("the threshold changes nothing", "warning"), "fcos fold0: warning: the threshold changes nothing\n"),
        (Note("an info is for the log"), ""),
        (Ended("failed", "a long story"), "fcos fold0: failed\n"),
        (Ended("stopped", "on request"), "fcos fold0: stopped\n"),
    ],
)
def test_sentences(event: Note | Ended, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    LineWriter(RUN).write(event)
    assert capsys.readouterr().err == line


def test_a_bar_where_there_is_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    writer = console_writer(RUN)
    assert isinstance(writer, BarWriter)
    writer.write(PhaseStarted("train", 10, step=4))
    writer.write(Scalars(5, {"train/loss": 0.5, "lr/base": 0.001, "val/mAP50": 0.75}))
    writer.write(Progress(10))
    writer.write(Note("watch out", "warning"))  # draws the bar anew below
    writer.write(PhaseStarted("predict", 7, step=2))
    writer.write(Ended("done"))
    writer.close()
    shown = terminal.getvalue()
    assert "fcos fold0 train" in shown
    assert "4/10" in shown
    assert "10/10" in shown
    assert "loss 0.500 lr 0.001 mAP50 0.7500" in shown
    assert "fcos fold0 predict" in shown
    assert "2/7" in shown
    assert "fcos fold0: warning: watch out\n" in shown
