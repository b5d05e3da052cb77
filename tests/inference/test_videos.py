from pathlib import Path

import pytest

from bunri.errors import DataError
from bunri.inference.videos import frames_of
from video_files import write_video


def test_every_frame_has_its_time_and_picture(tmp_path: Path) -> None:
    video = frames_of(write_video(tmp_path / "a.mp4", frames=5, rate=20))
    assert (len(video), video.size) == (5, (64, 48))
    assert video.seconds == pytest.approx([0.0, 0.05, 0.1, 0.15, 0.2])
    reds = [int(photo[24, 32, 0]) for photo in video.photos()]
    assert reds == pytest.approx([0, 20, 40, 60, 80], abs=6)  # lossy


@pytest.mark.parametrize(("every", "reds"), [(2, [0, 40, 80]), (3, [0, 60]), (100, [0])])
def test_some_frames(tmp_path: Path, every: int, reds: list[int]) -> None:
    video = frames_of(write_video(tmp_path / "a.mp4", frames=5), every)
    assert [int(photo[24, 32, 0]) for photo in video.photos()] == pytest.approx(reds, abs=6)
    assert [int(name[5:11]) for name in video.names()] == [row * every for row in range(len(reds))]


def test_colours_are_rgb(tmp_path: Path) -> None:
    *_, last = frames_of(write_video(tmp_path / "a.mp4", frames=11)).photos()
    assert last[24, 32].tolist() == pytest.approx([200, 200, 10], abs=14)  # the file says blue 10


@pytest.mark.parametrize("content", [b"", b"no video", b"\0" * 5000])
def test_what_is_no_video_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.mp4").write_bytes(content)
    with pytest.raises(DataError, match=r"bad\.mp4 is not"):
        frames_of(tmp_path / "bad.mp4")


def test_a_video_that_becomes_shorter_is_told(tmp_path: Path) -> None:
    video = frames_of(write_video(tmp_path / "a.mp4", frames=5))
    write_video(tmp_path / "a.mp4", frames=2)
    with pytest.raises(DataError, match="has become shorter"):
        list(video.photos())
