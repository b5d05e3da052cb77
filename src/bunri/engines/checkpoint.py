"""Checkpoints: tensors and plain values, written whole, read without running code, refused where they do not fit."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bunri.engines.tensor_files import read_tensors
from bunri.errors import DataError
from bunri.files import replace_atomically

FORMAT = 1


@dataclass(frozen=True)
class Identity:
    """What a checkpoint belongs to; another model's is refused.

    Attributes:
        config: SHA-256 of the resolved native config.
        class_names: Classes it was trained on, in order.
    """

    config: str
    class_names: tuple[str, ...]

    @classmethod
    def of(cls, resolved_config: str, class_names: tuple[str, ...]) -> "Identity":
        """The identity of a resolved config and its classes."""
        return cls(hashlib.sha256(resolved_config.encode()).hexdigest(), class_names)

    def to_plain(self) -> dict[str, Any]:
        """As it stands in a checkpoint."""
        return {"format": FORMAT, "config": self.config, "class_names": list(self.class_names)}

    def check(self, stored: Mapping[str, Any], path: Path) -> None:
        """Refuse a checkpoint that is not this.

        Raises:
            DataError: Naming what differs.
        """
        if stored.get("format") != FORMAT:
            raise DataError(f"{path} must be a checkpoint written by bunri, format {FORMAT}. Train again.")
        if tuple(stored["class_names"]) != self.class_names:
            raise DataError(f"{path} was trained on classes {stored['class_names']}, but now {list(self.class_names)}")
        if stored["config"] != self.config:
            raise DataError(
                f"{path} is of another model: its config differs from the run's. Use the config it was made by."
            )


def save(path: Path, identity: Identity, content: Mapping[str, Any]) -> None:
    """Write a checkpoint whole or not at all.

    Raises:
        OutputError: The folder cannot be written or the disk is full.
    """
    with replace_atomically(path) as temporary, temporary.open("wb") as file:
        try:
            torch.save({**identity.to_plain(), **content}, file)
        except RuntimeError as error:  # torch's word for a disk that takes no more; Python's own stands behind it
            if isinstance(error.__context__, OSError):
                raise error.__context__ from error
            raise OSError(None, f"torch cannot write it ({str(error).splitlines()[0]}); is the disk full?") from error


def load(path: Path, identity: Identity) -> dict[str, Any]:
    """Read a checkpoint and make sure that it is this model's.

    Raises:
        DataError: It is absent, broken, of another model, or of other classes.
    """
    stored = read_tensors(path, "the checkpoint")
    identity.check(stored, path)
    return stored


def load_model(model: nn.Module, path: Path, identity: Identity) -> None:
    """Put a checkpoint's weights into a model."""
    model.load_state_dict(load(path, identity)["model"])
