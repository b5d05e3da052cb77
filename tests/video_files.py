"""Small videos for tests."""

from pathlib import Path

import cv2
import numpy as np


def write_video(path: Path, frames: int, size: tuple[int, int] = (64, 48), rate: float = 10.0) -> Path:
    """A video whose frames grow brighter, 20 grey levels each."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), rate, size)
    assert writer.isOpened()
    for number in range(frames):
        writer.write(np.full((size[1], size[0], 3), (number, number * 20, number * 20), np.uint8))
    writer.release()
    return path
