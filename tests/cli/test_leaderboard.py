from pathlib import Path

import pytest

from builders import random_world
from bunri.cli.leaderboard import print_leaderboard
from bunri.evaluate import compare
from bunri.experiment import Leaderboard, Row


def test_of_one_group_alone_no_interval_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    dataset, (a, b) = random_world(images=12)
    gain = compare(a, b, dataset, resamples=20, groups=[0] * 12)
    row = Row("fcos", "one", 0.5, None, None, 0.3, None, None, None, 1.5)
    print_leaderboard(Leaderboard("trash", Path("runs/trash"), (row,), gain, None))
    text = capsys.readouterr().out
    assert "0.5000" in text
    assert "nan" not in text
    assert "without interval (of one image or group alone), undecided" in text


def test_a_model_that_was_stopped_early_has_no_scores_and_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    reason = "fcos fold0: stopped early at epoch 3"
    row = Row("fcos", "one", None, None, None, None, None, None, None, 1.5, stopped_early=reason)
    print_leaderboard(Leaderboard("trash", Path("runs/trash"), (row,)))
    cells, said = capsys.readouterr().out.splitlines()[-2:]
    assert cells.split() == ["fcos", "one", "-", "-", "-", "1.5"]
    assert said == f"no scores of {reason}"
