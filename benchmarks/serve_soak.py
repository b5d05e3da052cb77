"""`bunri serve` under load for a while: answers a second, slowest answers, errors, and memory over time.

    python benchmarks/serve_soak.py RUN PHOTOS... [--minutes 10] [--clients 2]

Everything stays on the loopback. Clients send whole photos one by one and in batches, corrections, and photos that are
broken, too large or no photos at all; what is not answered as it must be is an error.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path

import httpx

BOXES = json.dumps([])
KINDS = ("photo",) * 12 + ("batch", "correction", "broken", "text", "host")
"""What a client sends in turn."""


@contextmanager
def server(run: Path, folder: Path) -> Iterator[tuple[str, int]]:
    """A server in a process of its own: its address, and the id of its process."""
    options = ["--port", "0", "--corrections", str(folder / "kept")]
    log = (folder / "log.txt").open("w+")
    process = subprocess.Popen([sys.executable, "-m", "bunri", "serve", str(run), *options], stderr=log)
    try:
        while not (found := re.search(r"open (http://\S+)", Path(log.name).read_text())):
            time.sleep(0.05)
        yield found[1], process.pid
    finally:
        process.terminate()
        process.wait(60)


class Client(threading.Thread):
    """Asks one thing after the other until the time is over; speaks by an address of its own."""

    def __init__(self, number: int, address: str, photos: list[bytes], until: float) -> None:
        super().__init__(daemon=True)  # an interrupted soak ends
        self._photos, self._until = cycle(photos[number:] + photos[:number]), until
        transport = httpx.HTTPTransport(local_address=f"127.0.0.{number + 2}")
        self._http = httpx.Client(base_url=address, timeout=120, transport=transport)
        self.seconds, self.statuses, self.errors = list[float](), Counter[str](), list[str]()

    def run(self) -> None:
        for kind in cycle(KINDS):
            if time.monotonic() > self._until:
                return
            began = time.monotonic()
            try:
                status, expected = self._ask(kind)
            except httpx.HTTPError as error:
                status, expected = repr(error), 0
            if kind == "photo":
                self.seconds.append(time.monotonic() - began)
            self.statuses[f"{kind} {status}"] += 1
            if status == 429:  # counted, not an error: the server keeps its promise
                time.sleep(1)
            elif status != expected:
                self.errors.append(f"{kind}: {status}")

    def _ask(self, kind: str) -> tuple[int | str, int]:
        photo = next(self._photos)
        if kind == "batch":
            files = [("photos", one) for one in islice(self._photos, 3)]
            return self._http.post("/api/find/batch", files=files).status_code, 200
        if kind == "correction":
            data = {"objects": BOXES}
            return self._http.post("/api/corrections", files={"photo": photo}, data=data).status_code, 201
        if kind == "host":
            return self._http.get("/api/about", headers={"Host": "evil.example"}).status_code, 421
        content = {"broken": photo[: len(photo) // 2], "text": b"no photo"}.get(kind, photo)
        data = {"preview": "true"} if kind == "photo" else {}
        answer = self._http.post("/api/find", files={"photo": content}, data=data)
        return answer.status_code, 200 if kind == "photo" else 422


def megabytes(pid: int) -> tuple[int, int]:
    """Resident memory of the server, and of its workers."""

    def of(process: int | str) -> int:
        words = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process}/status").read_text())
        return int(words[1]) // 1024 if words else 0

    children = "".join(path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children"))
    return of(pid), sum(of(child) for child in children.split())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--clients", type=int, default=2)
    asked = parser.parse_args()
    photos = [path.read_bytes() for path in asked.photos]
    with tempfile.TemporaryDirectory() as name, server(asked.run, Path(name)) as (address, pid):
        began = time.monotonic()
        while httpx.get(f"{address}/api/health").json()["state"] != "ready":
            time.sleep(0.25)
        print(f"ready after {time.monotonic() - began:.1f} s")
        for turn in ("first", "second", "third"):
            began = time.monotonic()
            httpx.post(f"{address}/api/find", files={"photo": photos[0]}, data={"preview": "true"}, timeout=120)
            print(f"{turn} answer after {time.monotonic() - began:.2f} s", flush=True)
        report(load(asked, address, pid, photos), asked.minutes)


def load(asked: argparse.Namespace, address: str, pid: int, photos: list[bytes]) -> list[Client]:
    until = time.monotonic() + 60 * asked.minutes
    clients = [Client(number, address, photos, until) for number in range(asked.clients)]
    for client in clients:
        client.start()
    began = time.monotonic()
    while any(client.is_alive() for client in clients):
        server_mb, workers_mb = megabytes(pid)
        answers = sum(sum(client.statuses.values()) for client in clients)
        minute = (time.monotonic() - began) / 60
        print(f"minute {minute:4.1f}: {answers} answers, server {server_mb} MB, workers {workers_mb} MB", flush=True)
        for client in clients:
            client.join(30 / len(clients))
    return clients


def report(clients: list[Client], minutes: float) -> None:
    seconds = sorted(second for client in clients for second in client.seconds)
    statuses = sum((client.statuses for client in clients), Counter[str]())
    errors = [error for client in clients for error in client.errors]
    print(dict(sorted(statuses.items())))
    print(f"photos: {len(seconds)}, {len(seconds) / minutes / 60:.2f}/s, median {statistics.median(seconds):.2f} s")
    print(f"95% within {seconds[int(0.95 * len(seconds))]:.2f} s, slowest {seconds[-1]:.2f} s")
    print(f"errors: {len(errors)} {errors[:5]}")


if __name__ == "__main__":
    main()
