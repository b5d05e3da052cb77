"""Fusing and scoring on one core against ensemble-boxes and pycocotools, on boxes as detectors give them.

    BUNRI_DATA=/path/to/data python benchmarks/fusing.py [--images 981] [--peer-images 24] [--members 8] [--boxes 90]

Processor time, best of some repeats. The peers take minutes on all images, so they work on the first of them and their
time is scaled to all: both work image by image. Prints a table in Markdown.
"""

import argparse
import contextlib
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice

import numpy as np
from timing import best_seconds, data_folder
from worlds import make_member, real_or_made_truth

from bunri.boxes import xyxy_to_xywh
from bunri.dataset import Dataset
from bunri.evaluate import compare, evaluate
from bunri.evaluate.bootstrap import bootstrap_mAP50
from bunri.fuse import FuseOptions, fuse
from bunri.fuse.columns import member_columns
from bunri.fuse.running import fuse_columns
from bunri.io import load_dataset, read_predictions
from bunri.predictions import Predictions
from bunri.search.scoring import Scorer, scorer_of
from bunri.search.task import make_task

SIDE = 1024


@dataclass(frozen=True)
class World:
    """Truth and members; the peers work on the first images only."""

    truth: Dataset
    members: list[Predictions]
    peer_images: int

    @property
    def scale(self) -> float:
        return len(self.truth) / self.peer_images

    @property
    def peer_ids(self) -> list[int]:
        return [int(image) for image in self.truth.images.id[: self.peer_images]]


def main() -> None:
    parser = argparse.ArgumentParser()
    for name, default in (("images", 981), ("peer-images", 24), ("members", 8), ("boxes", 90)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    truth = real_or_made_truth(given.images)
    world = World(truth, [make_member(truth, given.boxes, m) for m in range(given.members)], given.peer_images)
    print(
        f"{given.images} images, {given.members} members of {given.boxes} boxes; peers on {given.peer_images} images\n"
    )
    print("| what | bunri | peer | ratio |\n|---|---|---|---|")
    for rows in (fusing_rows, scoring_rows, search_rows, bootstrap_rows, real_rows, growth_rows, first_call_rows):
        for what, ours, peer in rows(world):
            ratio = "" if peer is None else f"{peer / ours:.0f}"
            print(f"| {what} | {_time(ours)} | {'' if peer is None else _time(peer)} | {ratio} |", flush=True)


Row = tuple[str, float | str, float | None]


def _time(seconds: float | str) -> str:
    return seconds if isinstance(seconds, str) else f"{seconds * 1000:.0f} ms" if seconds < 10 else f"{seconds:.1f} s"


def fusing_rows(world: World) -> Iterator[tuple[str, float, float | None]]:
    """Each method: `fuse` as a whole, and on members sorted before, as the search works."""
    import ensemble_boxes as peer

    calls: dict[str, tuple[FuseOptions, Callable[..., object], dict[str, object]]] = {
        "wbf": (FuseOptions("wbf", 0.55), peer.weighted_boxes_fusion, {"iou_thr": 0.55}),
        "nms": (FuseOptions("nms", 0.5), peer.nms, {"iou_thr": 0.5}),
        "soft_nms": (FuseOptions("soft_nms", 0.5), peer.soft_nms, {"method": 2, "sigma": 0.5, "thresh": 0.001}),
        "nmw": (FuseOptions("nmw", 0.55), peer.non_maximum_weighted, {"iou_thr": 0.55}),
    }
    columns, images = member_columns(world.members), _for_peers(world)
    room, ones = columns.empty_results(), np.ones(len(world.members))
    for name, (options, call, keywords) in calls.items():
        theirs = world.scale * best_seconds(lambda c=call, k=keywords: _fuse_peers(c, k, images), repeats=2)
        fuse_columns(columns, options, ones, 0 * ones, room)  # compiled now
        ours = best_seconds(lambda o=options: fuse_columns(columns, o, ones, 0 * ones, room))
        yield f"{name}, members sorted before", ours, theirs
        yield f"{name}, `bunri.fuse` as a whole", best_seconds(lambda m=name: fuse(world.members, m)), theirs


PeerImage = tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]


def _for_peers(world: World) -> list[PeerImage]:
    found = []
    for image in world.peer_ids:
        rows = [member.image_id == image for member in world.members]
        pairs = list(zip(world.members, rows, strict=True))
        boxes = [np.clip(member.box_xyxy[row] / SIDE, 0, 1) for member, row in pairs]
        found.append((boxes, [m.score[row] for m, row in pairs], [m.class_index[row] for m, row in pairs]))
    return found


def _fuse_peers(call: Callable[..., object], keywords: dict[str, object], images: Sequence[PeerImage]) -> list[object]:
    return [call(boxes, [score.copy() for score in scores], labels, **keywords) for boxes, scores, labels in images]


def scoring_rows(world: World) -> Iterator[tuple[str, float, float | None]]:
    """One candidate fused and scored: what people run is WBF, loadRes and pycocotools."""
    import ensemble_boxes as peer

    scorer = _scorer(world)
    ours = best_seconds(lambda: scorer.matches(FuseOptions("wbf", 0.55)).mAP50(scorer.weights[:, -1:]))
    fused, images = fuse(world.members).of_images(world.peer_ids), _for_peers(world)
    keywords: dict[str, object] = {"iou_thr": 0.55}
    theirs = best_seconds(lambda: _fuse_peers(peer.weighted_boxes_fusion, keywords, images), repeats=2)
    theirs += best_seconds(lambda: _pycocotools(fused, world), repeats=2)
    yield "WBF, matching and mAP50 of one candidate", ours, theirs * world.scale
    whole = fuse(world.members)
    evaluate(whole, world.truth)
    mine = best_seconds(lambda: evaluate(whole, world.truth), 3)
    yield "all COCO metrics of one set", mine, world.scale * best_seconds(lambda: _pycocotools(fused, world), repeats=2)


def _pycocotools(fused: Predictions, world: World) -> None:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth = world.truth.subset(world.truth.images.id[: world.peer_images])
    marks, xywh = truth.annotations, xyxy_to_xywh(truth.annotations.box_xyxy)
    columns = (fused.image_id, xyxy_to_xywh(fused.box_xyxy), fused.score, fused.class_index)
    with contextlib.redirect_stdout(io.StringIO()):
        reference = COCO()
        reference.dataset = {
            "info": {},
            "images": [{"id": int(image)} for image in truth.images.id],
            "categories": [{"id": c} for c in range(len(truth.class_names))],
            "annotations": [
                {"id": row + 1, "image_id": int(marks.image_id[row]), "category_id": int(marks.class_index[row])}
                | {"bbox": xywh[row].tolist(), "area": float(marks.area[row]), "iscrowd": 0}
                for row in range(len(marks))
            ],
        }
        reference.createIndex()
        evaluation = COCOeval(reference, reference.loadRes(np.column_stack(columns)), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()


def _scorer(world: World) -> Scorer:
    return scorer_of(make_task(world.members, world.truth, folds=5))


def search_rows(world: World) -> Iterator[Row]:
    """Candidates a second, as the search tries them: every method, uneven weights, floor 0.01, five folds and all."""
    scorer, count = _scorer(world), len(world.members)
    random = np.random.default_rng(0)
    methods = islice(
        cycle([("wbf", 0.5), ("wbf", 0.6), ("wbf", 0.7), ("nms", 0.5), ("nmw", 0.6), ("soft_nms", 0.5)]), 24
    )
    candidates = [
        FuseOptions(method, iou, tuple(random.choice([0.5, 1.0, 2.0], count).tolist()), 0.01) for method, iou in methods
    ]
    scorer.scores(candidates[:6])
    seconds = best_seconds(lambda: scorer.scores(candidates[6:]), repeats=1)
    yield f"candidates a second in the search ({count} members)", f"{(len(candidates) - 6) / seconds:.1f}", None


def bootstrap_rows(world: World) -> Iterator[Row]:
    """1,000 paired resamples."""
    a, b = fuse(world.members, iou=0.7), fuse(world.members, iou=0.6)
    boxes = (len(a) + len(b)) / 2
    seconds = best_seconds(lambda: bootstrap_mAP50([a, b], world.truth, resamples=1000), repeats=3)
    yield f"1,000 paired resamples, {boxes:.0f} boxes a set, with matching", seconds, None
    yield "`bunri.compare` of the same", best_seconds(lambda: compare(a, b, world.truth, min_score=0.0), 3), None


def real_rows(world: World) -> Iterator[Row]:
    """10,000 paired resamples of two real models, where there are some."""
    folder = data_folder()
    if folder is None:
        return
    truth = load_dataset(folder / "oof" / "ground_truth.json")
    pair = [read_predictions(folder / "oof" / f"{name}.csv", truth) for name in ("deta_swinl", "deta_swinl_hflip")]
    seconds = best_seconds(lambda: bootstrap_mAP50(pair, truth, resamples=10_000), repeats=3)
    yield f"10,000 paired resamples of two real models, {len(truth)} images, with matching", seconds, None


def growth_rows(world: World) -> Iterator[Row]:
    """Ten times the images."""
    seconds = []
    for images in (len(world.truth) // 10, len(world.truth) // 10 * 10):
        truth = world.truth.subset(world.truth.images.id[:images])
        members = [member.of_images(truth.images.id) for member in world.members]
        seconds.append(best_seconds(lambda t=truth, m=members: evaluate(fuse(m), t), repeats=5))
    yield "fuse and evaluate: ten times the images", f"{seconds[1] / seconds[0]:.1f} times the time", None


FIRST_CALL = """
import time, numba, numpy as np
from bunri.fuse import fuse
from bunri.predictions import Predictions
one = Predictions(np.array([1]), np.array([0]), np.array([.5]), np.array([[0., 0., 9., 9.]]))
start = time.process_time()
fuse([one, one])
print(time.process_time() - start)
"""


def first_call_rows(world: World) -> Iterator[Row]:
    """The first WBF of an installation, and of a process after it; numba itself is imported before."""
    with tempfile.TemporaryDirectory() as folder:
        settings = os.environ | {"NUMBA_CACHE_DIR": folder}
        for what in ("first call, compiling", "first call, cached"):
            done = subprocess.run([sys.executable, "-c", FIRST_CALL], env=settings, capture_output=True, check=True)
            yield what, float(done.stdout), None


if __name__ == "__main__":
    main()
