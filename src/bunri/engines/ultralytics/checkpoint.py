"""Checkpoints: tensors and plain values, written whole, read without running code, refused where they do not fit.

Ultralytics' own ``.pt`` files are pickles of whole model objects; these are not.
"""

import hashlib
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from bunri.errors import DataError
from bunri.files import replace_atomically

FORMAT = "bunri-ultralytics-1"


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

    def check(self, stored: Mapping[str, Any], path: Path) -> None:
        """Refuse a checkpoint that is not this.

        Raises:
            DataError: Naming what differs.
        """
        if stored.get("format") != FORMAT:
            raise DataError(f"{path} must be a checkpoint of bunri's Ultralytics engine ({FORMAT}). Train again.")
        if tuple(stored["class_names"]) != self.class_names:
            raise DataError(f"{path} was trained on classes {stored['class_names']}, but now {list(self.class_names)}")
        if stored["config"] != self.config:
            raise DataError(
                f"{path} is of another model: its config differs from the run's. Use the config it was made by."
            )


def save(path: Path, identity: Identity, content: Mapping[str, Any]) -> None:
    """Write a checkpoint whole or not at all."""
    head = {"format": FORMAT, "config": identity.config, "class_names": list(identity.class_names)}
    with replace_atomically(path) as temporary:
        torch.save({**head, **content}, temporary)


def load(path: Path, identity: Identity) -> dict[str, Any]:
    """Read a checkpoint and make sure that it is this model's.

    Raises:
        DataError: It is absent, broken, of another model, or of other classes.
    """
    stored = read_plain(path, "the checkpoint")
    identity.check(stored, path)
    return stored


def read_plain(path: Path, what: str) -> dict[str, Any]:
    """A file of tensors and plain values in torch's format.

    Raises:
        DataError: The file is absent, broken, or holds more than that.
    """
    if not path.is_file():
        raise DataError(f"{what} must be a file, but {path} is not there. Check the path.")
    try:
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, TypeError, OSError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise DataError(
            f"{what} {path} must hold tensors and plain values only, and be whole, but: {reason}"
        ) from error
