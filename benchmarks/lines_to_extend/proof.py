"""Photos to train on, and whether the three things were used."""

import json
import tempfile
from pathlib import Path

from own import Lion

from bunri.demo.render import render_demo

STEPS, SIDE = 24, 128


def photos():
    """Rendered photos as COCO JSON, in a folder of their own."""
    folder = Path(tempfile.mkdtemp(prefix="lines-to-extend-"))
    render_demo(folder, train=16, test=1)
    return folder


def check(optimizer, used_sampler):
    """Complain unless the optimizer is ours, the sampler was used and the log has numbers."""
    assert isinstance(optimizer, Lion), type(optimizer)
    assert used_sampler, "the sampler was not used"
    lines = [json.loads(line) for line in Path("own_log.jsonl").read_text().splitlines()]
    assert any(len(line) > 1 for line in lines), "nothing was logged"
    print(f"works: {type(optimizer).__name__}, the sampler, {len(lines)} lines logged")
