"""Kill a put to a store at random moments, and look each time whether what looks finished is finished.

python benchmarks/store_kills.py s3://bucket/kills 60      # keys and endpoint in the environment
"""

import hashlib
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bunri.files import write_bytes, write_json, write_text
from bunri.store import Store, fetch, put
from bunri.store.index import NAME, local_files

CHECKPOINT = 20_000_000
"""Bytes."""

PUT = """
import sys
from pathlib import Path
from bunri.store import Store, put
print("ready", flush=True)
put(Path(sys.argv[1]), Store(sys.argv[2]))
"""


def main(url: str, kills: int) -> None:
    store, chance = Store(url), random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        run = train(Path(folder) / "run", 0)
        started = time.monotonic()
        put(run, store)
        whole, killed, finished = time.monotonic() - started, 0, 0
        for turn in range(1, kills + 1):
            killed += killed_while_putting(train(run, turn), url, chance.uniform(0.0, 2.2 * whole))
            finished += looks_finished(store)
        put(run, store)
        fetch(store, Path(folder) / "again")
        for path in local_files(run):
            assert (Path(folder) / "again" / path).read_bytes() == (run / path).read_bytes()
    print(f"{killed} of {kills} puts of {whole:.1f} s were killed; {finished} times it looked finished, and was")


def train(run: Path, turn: int) -> Path:
    """What a run might leave, all of it new."""
    for which in ("best", "last"):
        write_bytes(run / "checkpoints" / f"{which}.pt", os.urandom(CHECKPOINT))
    write_text(run / "metrics.jsonl", f"{turn}\n")
    write_json(run / "manifest.json", {"status": "done", "turn": turn})
    return run


def killed_while_putting(run: Path, url: str, seconds: float) -> bool:
    with subprocess.Popen([sys.executable, "-c", PUT, str(run), url], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(seconds)
        is_killed = process.poll() is None
        process.kill()
    return is_killed


def looks_finished(store: Store) -> bool:
    manifest = store.read_json("manifest.json")
    if manifest.get("status") != "done":
        return False
    assert store.read("metrics.jsonl") == f"{manifest['turn']}\n".encode()
    for path, sha256 in store.read_json(NAME).items():
        assert hashlib.sha256(store.read(path) or b"").hexdigest() == sha256, path
    return True


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
