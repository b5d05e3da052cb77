from pathlib import Path

import pytest

from bunri.watch.records import number, read_object, read_records, tail_of


def test_whole_lines_are_read_and_others_left_out(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    lines = [
        '{"step": 1, "train/loss": 2.0}',
        "[1]",
        '{"no": "step"}',
        '{"step": "two"}',
        "\x00\x00",
        '{"step": 3}',
        '{"st',
    ]
    path.write_text("\n".join(lines))
    assert read_records(path) == [{"step": 1, "train/loss": 2.0}, {"step": 3}]
    assert read_records(tmp_path / "absent.jsonl") == []


@pytest.mark.parametrize(
    ("value", "known"),
    [(1, 1.0), (0.5, 0.5), (None, None), ("1", None), (True, None), (float("nan"), None), (float("inf"), None)],
)
def test_numbers_are_finite(value: object, known: float | None) -> None:
    assert number(value) == known


def test_an_object_is_whole_or_told(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    assert read_object(path) == {}
    path.write_text('{"status": "done"}')
    assert read_object(path) == {"status": "done"}
    for content, words in {'{"status": "do': "manifest.json is not whole", "[]": "must be a JSON object"}.items():
        path.write_text(content)
        with pytest.raises(ValueError, match=words):
            read_object(path)


def test_of_a_log_its_end_is_read_and_of_a_bar_its_last_state(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_bytes(b"x" * 100_000 + b"\nbar 10%\rbar 90%\n\n" + b"Error: \xff\n")
    assert tail_of(log, lines=2) == "bar 90%\nError: \ufffd"
    assert tail_of(tmp_path / "absent.txt") == ""
