"""Checkpoints: MMEngine's own format with plain values only, so that they are read without running code."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bunri.engines.weights import read_tensors
from bunri.errors import DataError
from bunri.files import replace_atomically

FORMAT = 1
KEY = "bunri"
"""Where a checkpoint says what it belongs to."""


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

    def to_plain(self, best: float) -> dict[str, Any]:
        """As it stands in a checkpoint, with the best mAP50 so far."""
        return {"format": FORMAT, "config": self.config, "class_names": list(self.class_names), "best": best}

    def check(self, stored: Mapping[str, Any], path: Path) -> None:
        """Refuse a checkpoint that is not this.

        Raises:
            DataError: Naming what differs.
        """
        said = stored.get(KEY)
        if not isinstance(said, Mapping) or said.get("format") != FORMAT:
            raise DataError(
                f"{path} must be a checkpoint of bunri's mmdetection engine, format {FORMAT}. Train again, or start "
                "from its weights with load_from."
            )
        if tuple(said["class_names"]) != self.class_names:
            raise DataError(f"{path} was trained on classes {said['class_names']}, but now {list(self.class_names)}")
        if said["config"] != self.config:
            raise DataError(
                f"{path} is of another model: its config differs from the run's. Use the config it was made by."
            )


def load(path: Path, identity: Identity) -> dict[str, Any]:
    """Read a checkpoint and make sure that it is this model's.

    Raises:
        DataError: It is absent, broken, of another model, or of other classes.
    """
    stored = read_tensors(path, "the checkpoint")
    identity.check(stored, path)
    return stored


def make_plain(checkpoint: dict[str, Any], identity: Identity, best: float) -> None:
    """Turn a checkpoint MMEngine is about to write into plain values, in place.

    The history of the log (``message_hub``) goes: it is made of objects, which only code could read back.
    """
    checkpoint["message_hub"] = {"log_scalars": {}, "runtime_info": {}, "resumed_keys": {}}
    checkpoint[KEY] = identity.to_plain(best)


def save(runner: Any, path: Path, whole: bool) -> None:
    """Let the runner write a checkpoint, whole or not at all.

    Args:
        runner: MMEngine's, after a batch whose number it has not counted yet.
        path: Where it comes to lie.
        whole: With the state of optimizer and schedule, to go on from; else only with weights.
    """
    with replace_atomically(path) as temporary:
        runner.save_checkpoint(
            str(temporary.parent), temporary.name, save_optimizer=whole, save_param_scheduler=whole, by_epoch=False
        )
