"""An augmentation that changes nothing and writes down which photo it saw, in which process."""

import hashlib
import os
from pathlib import Path
from typing import Any

import albumentations


class Seen(albumentations.ImageOnlyTransform):  # type: ignore[misc, unused-ignore]
    """Appends the hash of every photo to ``<file>.<number of the process>``."""

    def __init__(self, file: str) -> None:
        super().__init__(p=1.0)
        self.file = file

    def apply(self, img: Any, **params: Any) -> Any:
        rank = os.environ.get("RANK", "0")
        with Path(f"{self.file}.{rank}").open("a") as file:
            file.write(hashlib.sha256(img.tobytes()).hexdigest()[:12] + "\n")
        return img


def seen_by(file: Path, rank: int) -> list[str]:
    """What a process has seen, in order."""
    return Path(f"{file}.{rank}").read_text().splitlines()
