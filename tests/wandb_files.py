"""Reads back what W&B kept of a run that was recorded offline."""

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bunri.run_folder import RunFolder

HEADER = 7
"""Bytes at the start of the file, and at the start of a piece of a record."""

BLOCK = 32768


@dataclass
class Kept:
    """What a ``.wandb`` file holds."""

    run: Any = None
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    metrics: dict[str, str] = field(default_factory=dict)
    """Name and its step axis."""
    artifacts: list[dict[str, Path]] = field(default_factory=list)
    """For each, the files by their paths in it."""


def offline_runs(folder: RunFolder) -> list[Path]:
    """The folders wandb made, in the order of their starts."""
    return sorted(folder.wandb_folder.glob("offline-run-*"), key=lambda path: path.stat().st_mtime_ns)


def read_kept(folder: Path) -> Kept:
    """All records of the only ``.wandb`` file of a folder."""
    from wandb.proto import wandb_internal_pb2

    [path] = folder.glob("*.wandb")
    kept = Kept()
    for data in _records(path.read_bytes()):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        _take(kept, record)
    return kept


def _records(content: bytes) -> Iterator[bytes]:
    """The format of LevelDB's log: blocks of 32 KiB, in which a record is whole (1) or in pieces (2 3 ... 4)."""
    assert content[:4] == b":W&B"
    place, pending = HEADER, b""
    while place + HEADER <= len(content):
        left = BLOCK - place % BLOCK
        if left < HEADER:
            place += left
            continue
        _checksum, length, kind = struct.unpack("<IHB", content[place : place + HEADER])
        pending += content[place + HEADER : place + HEADER + length]
        place += HEADER + length
        if kind in (1, 4):
            yield pending
            pending = b""


def _take(kept: Kept, record: Any) -> None:
    kind = record.WhichOneof("record_type")
    if kind == "run":
        kept.run = record.run
        kept.config |= _items(record.run.config.update)
    elif kind == "config":
        kept.config |= _items(record.config.update)
    elif kind == "summary":
        kept.summary |= _items(record.summary.update)
    elif kind == "history":
        kept.rows.append(_items(record.history.item))
    elif kind == "artifact":
        kept.artifacts.append({file.path: Path(file.local_path) for file in record.artifact.manifest.contents})
    elif kind == "metric":
        kept.metrics[record.metric.name or record.metric.glob_name] = record.metric.step_metric


def _items(items: Any) -> dict[str, Any]:
    return {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items}
