import hashlib
import os
from pathlib import Path

import pytest

from bunri.errors import DataError, OutputError
from bunri.files import read_bytes, read_json, replace_atomically, sha256_of, write_bytes, write_json, write_text


def test_a_file_is_whole_or_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.txt"
    write_text(path, "before")

    def fail_halfway() -> None:
        with replace_atomically(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        fail_halfway()
    assert path.read_text() == "before"
    assert [file.name for file in path.parent.iterdir()] == ["a.txt"]


def test_a_full_disk_is_an_error_of_the_output(tmp_path: Path) -> None:
    path = tmp_path / "a.json"

    def fill() -> None:
        with replace_atomically(path):
            raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match=r"a\.json must be writable, but: No space left on device\. Free space"):
        fill()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="choose another folder"):
        write_bytes(tmp_path / "file" / "a.bin", b"")


def test_a_pipe_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match="pipe must be writable, but: it is a device or a pipe, not a file"):
        write_bytes(tmp_path / "pipe", b"12")
    assert (tmp_path / "pipe").is_fifo()


def test_written_files_may_be_read_by_others(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a", b"12")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644
    assert read_bytes(tmp_path / "a", "a") == b"12"
    assert sha256_of(tmp_path / "a") == hashlib.sha256(b"12").hexdigest()


def test_json_keeps_letters_and_refuses_nan(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"종이": 0.1})
    assert "종이" in (tmp_path / "a.json").read_text(encoding="utf-8")
    assert read_json(tmp_path / "a.json", "it") == {"종이": 0.1}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "b.json", float("nan"))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"the truth must be a readable file, but .*gone\.json: No such file"):
        read_json(tmp_path / "gone.json", "the truth")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"images": [1,', r"line 1, column 15: Expecting value"),
        (b"", "line 1, column 1"),
        (b"\xff\xfe\x00", "must be JSON in UTF-8"),
        (b"[" * 100_000, "must be JSON in UTF-8"),
    ],
)
def test_json_that_breaks_off(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_json(tmp_path / "a.json", "the truth")
