"""Large data: how long loading, fusing and evaluating take, and the most memory each takes.

    python benchmarks/big_data.py FOLDER [--images 2000 20000 ...] [--members 5] [--boxes 100] [--loaded 200000]

Made annotations of 10 boxes an image and members of ``--boxes`` boxes an image are written to FOLDER (40 bytes a box)
and taken away again. Every verb runs as a command in a process of its own, of which the system says the processor time
and the largest resident memory. Prints tables in Markdown.
"""

import argparse
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

CHUNK = 2_000
"""Images made at a time."""

ANNOTATED = 10


@dataclass(frozen=True)
class Cost:
    """Of one process."""

    cpu_seconds: float
    seconds: float
    gigabytes: float

    def __str__(self) -> str:
        return f"{self.cpu_seconds:.1f} s | {self.gigabytes:.2f} GB"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, nargs="+", default=[2_000, 20_000])
    parser.add_argument("--search", help="budget of a search of all members, such as 120s; none is made without")
    for name, default in (("members", 5), ("boxes", 100), ("loaded", 200_000), ("make", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    if given.make:
        make_world(given.folder, given.make, given.members, given.boxes)
        return
    if given.loaded:
        print(f"loading {given.loaded} images with {given.loaded * ANNOTATED} boxes: {loading(given)}\n", flush=True)
    verbs = ["fuse", "eval of a member", "fuse, shuffled rows", *(["search"] if given.search else [])]
    print(f"| images | boxes of all members | {' | | '.join(verbs)} | |\n|" + "---|" * (2 + 2 * len(verbs)))
    costs = [(images, row(given, images)) for images in given.images]
    for (fewer, before), (more, after) in pairwise(costs):
        growth = [f"{b.cpu_seconds / a.cpu_seconds:.1f}" for a, b in zip(before, after, strict=True)]
        print(f"\n{more / fewer:.1f} times the images: {', '.join(growth)} times the time")


def loading(given: argparse.Namespace) -> Cost:
    """Read the annotations of a data set."""
    with_world(given, given.loaded, members=0)
    code = f"import bunri; print(len(bunri.load_dataset({str(given.folder / 'truth.json')!r})))"
    return cost_of([sys.executable, "-c", code])


def row(given: argparse.Namespace, images: int) -> list[Cost]:
    """Fuse all members, evaluate one, and fuse where one member's rows are in no order."""
    with_world(given, images, given.members)
    bunri, truth = [sys.executable, "-m", "bunri"], str(given.folder / "truth.json")
    members = sorted(map(str, given.folder.glob("model*.parquet")))
    out = ["--images", truth, "--out", str(given.folder / "fused.parquet"), "--json"]
    costs = [
        cost_of([*bunri, "fuse", *members, *out]),
        cost_of([*bunri, "eval", members[0], "--truth", truth, "--json"]),
        cost_of([*bunri, "fuse", *members[1:], str(given.folder / "shuffled.parquet"), *out]),
    ]
    if given.search:
        costs.append(cost_of([*bunri, "search", *members, "--truth", truth, "--json", "--time", given.search]))
    boxes = images * given.boxes * given.members
    print(f"| {images:,} | {boxes:,} | {' | '.join(map(str, costs))} |", flush=True)
    shutil.rmtree(given.folder)
    return costs


def with_world(given: argparse.Namespace, images: int, members: int) -> None:
    """Make data in a process of its own: what this one held would count as memory of those it starts."""
    words = ["--make", images, "--members", members, "--boxes", given.boxes]
    subprocess.run([sys.executable, __file__, given.folder, *map(str, words)], check=True)


def cost_of(command: list[str]) -> Cost:
    """Run a command; what it prints is not shown."""
    started = os.times().elapsed
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return Cost(usage.ru_utime + usage.ru_stime, os.times().elapsed - started, usage.ru_maxrss / 2**20)


def make_world(folder: Path, images: int, members: int, boxes: int) -> None:
    """Write ``truth.json``, members in the order of the images, and one of them with shuffled rows."""
    from worlds import make_truth, shifted, shifted_member

    from bunri.io import write_coco
    from bunri.io.blocks import write_blocks

    starts = range(0, images, CHUNK)
    parts = [make_truth(min(CHUNK, images - start), start, ANNOTATED) for start in starts]
    folder.mkdir(parents=True, exist_ok=True)
    truth = shifted(parts, starts)
    write_coco(truth, folder / "truth.json")
    for m in range(members):
        blocks = (shifted_member(part, start, boxes, m) for part, start in zip(parts, starts, strict=True))
        write_blocks(blocks, folder / f"model{m}.parquet", truth)
    if members:
        _shuffle(folder / "model0.parquet", folder / "shuffled.parquet")


def _shuffle(path: Path, shuffled: Path) -> None:
    import polars as pl

    pl.read_parquet(path).sample(fraction=1, shuffle=True, seed=0).write_parquet(shuffled)


if __name__ == "__main__":
    main()
