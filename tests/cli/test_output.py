import json

import pytest

from bunri.cli.output import print_json, print_text, say, table


def test_results_go_to_stdout_and_words_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    print_text("result")
    say("word")
    assert capsys.readouterr() == ("result\n", "word\n")


def test_json_has_no_nan(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"AP50": {"종이": 0.5, "Metal": float("nan")}, "all": [1, float("inf"), None], 3: ("a",)})
    assert json.loads(capsys.readouterr().out) == {
        "AP50": {"종이": 0.5, "Metal": None},
        "all": [1, None, None],
        "3": ["a"],
    }


def test_a_table_is_aligned() -> None:
    assert table(["class", "n"], [["Paper", 5], ["Can", 1234]]) == "class     n\nPaper     5\nCan    1234"
