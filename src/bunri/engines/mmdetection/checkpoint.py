"""Checkpoints: MMEngine's own format with plain values only, so that they are read without running code."""

from pathlib import Path
from typing import Any

from bunri.engines.checkpoint import Identity
from bunri.engines.tensor_files import read_tensors
from bunri.files import replace_atomically

KEY = "bunri"
"""Where a checkpoint of MMEngine's says what it belongs to, and the best mAP50 so far."""


def load(path: Path, identity: Identity) -> dict[str, Any]:
    """Read a checkpoint and make sure that it is this model's.

    Raises:
        DataError: It is absent, broken, of another model, or of other classes.
    """
    stored = read_tensors(path, "the checkpoint")
    said = stored.get(KEY)
    identity.check(said if isinstance(said, dict) else {}, path)
    return stored


def make_plain(checkpoint: dict[str, Any], identity: Identity, best: float) -> None:
    """Turn a checkpoint MMEngine is about to write into plain values, in place.

    The history of the log (``message_hub``) goes: it is made of objects, which only code could read back.
    """
    checkpoint["message_hub"] = {"log_scalars": {}, "runtime_info": {}, "resumed_keys": {}}
    checkpoint[KEY] = identity.to_plain() | {"best": best}


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
