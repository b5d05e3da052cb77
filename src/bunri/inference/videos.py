"""Frames of a video as photos, decoded by OpenCV; they are images with names, but never files."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bunri.errors import DataError
from bunri.photos import Photo

VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v"})
"""Files that are taken for videos."""


@dataclass(frozen=True)
class Video:
    """Some frames of a video.

    Attributes:
        path: Of the file.
        every: Each so many-th frame is taken, from the first on.
        size: Width and height in pixels, upright.
        seconds: When each of the frames is to be seen, from 0.
    """

    path: Path
    every: int
    size: tuple[int, int]
    seconds: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.seconds)

    def names(self) -> list[str]:
        """Number and time of each frame, such as ``frame000030_1.000s.jpg``."""
        return [f"frame{row * self.every:06d}_{time:.3f}s.jpg" for row, time in enumerate(self.seconds)]

    def photos(self) -> Iterator[Photo]:
        """The frames, ``(H, W, 3)`` RGB.

        Raises:
            DataError: The video has become shorter since it was looked at.
        """
        with _opened(self.path) as capture:
            for _ in self.seconds:
                there, frame = capture.read()
                if not there:
                    raise DataError(f"{self.path} must not change while it is read, but it has become shorter")
                yield np.ascontiguousarray(frame[:, :, ::-1])
                for _ in range(self.every - 1):
                    capture.grab()


def frames_of(path: Path, every: int = 1) -> Video:
    """Every so many-th frame of a video; all are decoded once to count them, as headers are often wrong.

    Raises:
        DataError: It is not a video that can be read.
    """
    with _opened(path) as capture:
        there, first = capture.read()
        if not there:
            raise _unreadable(path)
        seconds, number = [], 0
        while there:
            if number % every == 0:
                seconds.append(max(_time_of(capture), 0.0))
            there = capture.grab()
            number += 1
        return Video(path, every, (first.shape[1], first.shape[0]), tuple(seconds))


def _time_of(capture: Any) -> float:
    import cv2

    return float(capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")  # what is wrong with a file is said once, by us
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    import cv2

    capture = cv2.VideoCapture(str(path))
    try:
        if not capture.isOpened():
            raise _unreadable(path)
        yield capture
    finally:
        capture.release()


def _unreadable(path: Path) -> DataError:
    return DataError(
        f"a video must be a whole file that OpenCV can decode, but {path} is not. "
        "Convert it to MP4 (H.264) or to photos."
    )
