"""Slow, obvious twins of the compiled fusing methods: one image and class at a time, plain lists, no tricks."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bunri.fuse import FuseOptions
from bunri.predictions import Predictions

Box = tuple[float, float, float, float]
Result = list[tuple[float, Box]]


@dataclass(frozen=True)
class Candidate:
    score: float  # weighted
    box: Box
    member: int
    weight: float


@dataclass(frozen=True)
class Voters:
    """Weights of the members of a weight above 0 that looked at the image."""

    weights: list[float]


def iou(a: Box, b: Box) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    inter = width * height
    return inter / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter)


def best_of(boxes: Sequence[Box], box: Box, threshold: float) -> int | None:
    overlaps = [iou(other, box) for other in boxes]
    best = max(range(len(boxes)), key=lambda k: overlaps[k], default=None)
    return best if best is not None and overlaps[best] > threshold else None


def mean_box(members: Sequence[Candidate], weights: Sequence[float]) -> Box:
    total = sum(weights)
    if total == 0:
        return mean_box(members, [1.0] * len(members))
    a, b, c, d = (sum(w * m.box[side] for w, m in zip(weights, members, strict=True)) / total for side in range(4))
    return (a, b, c, d)


def wbf(candidates: list[Candidate], options: FuseOptions, voters: Voters) -> Result:
    clusters: list[list[Candidate]] = []
    for one in candidates:
        boxes = [mean_box(cluster, [m.score for m in cluster]) for cluster in clusters]
        best = best_of(boxes, one.box, options.iou)
        clusters.append([one]) if best is None else clusters[best].append(one)
    return [
        (wbf_score(cluster, options.conf_type, voters), mean_box(cluster, [m.score for m in cluster]))
        for cluster in clusters
    ]


def wbf_score(cluster: list[Candidate], conf_type: str, voters: Voters) -> float:
    scores, all_weights = [m.score for m in cluster], sum(voters.weights)
    of_members = sum({m.member: m.weight for m in cluster}.values())
    if conf_type == "max":
        value = max(scores) / max(voters.weights)
    elif conf_type == "box_and_model_avg":
        value = sum(scores) / sum(m.weight for m in cluster) * of_members / all_weights
    elif conf_type == "absent_model_aware_avg":
        value = sum(scores) / (sum(m.weight for m in cluster) + all_weights - of_members)
    else:
        value = sum(scores) / len(scores) * min(len(scores), len(voters.weights)) / all_weights
    return min(value, 1.0)


def nms(candidates: list[Candidate], options: FuseOptions, voters: Voters) -> Result:
    kept: list[Candidate] = []
    for one in candidates:
        if best_of([other.box for other in kept], one.box, options.iou) is None:
            kept.append(one)
    return [(one.score, one.box) for one in kept]


def nmw(candidates: list[Candidate], options: FuseOptions, voters: Voters) -> Result:
    groups: list[list[Candidate]] = []
    for one in candidates:
        best = best_of([group[0].box for group in groups], one.box, options.iou)
        groups.append([one]) if best is None else groups[best].append(one)
    weights = [[m.score * iou(m.box, g[0].box) for m in g] for g in groups]
    return [(g[0].score, mean_box(g, w) if any(w) else g[0].box) for g, w in zip(groups, weights, strict=True)]


def soft_nms(candidates: list[Candidate], options: FuseOptions, voters: Voters) -> Result:
    score, waiting = [one.score for one in candidates], list(range(len(candidates)))
    kept: Result = []
    while waiting:
        top = max(waiting, key=lambda k: score[k])  # the first of equal ones
        waiting.remove(top)
        if score[top] <= options.soft_min_score:
            break
        kept.append((score[top], candidates[top].box))
        for k in waiting:
            overlap = iou(candidates[top].box, candidates[k].box)
            if options.decay == "gaussian":
                score[k] *= math.exp(-overlap * overlap / options.sigma)
            elif overlap > options.iou:
                score[k] *= 1 - overlap
    return kept


TWINS: dict[str, Callable[[list[Candidate], FuseOptions, Voters], Result]] = {
    "wbf": wbf,
    "nms": nms,
    "nmw": nmw,
    "soft_nms": soft_nms,
}


def scales(options: FuseOptions, members: int) -> list[float]:
    weights = options.weights_of(members)
    if options.method == "nmw":
        return list(weights / weights.max())
    if options.method in ("nms", "soft_nms") and options.weights is not None:
        return list(weights / weights.sum())
    return list(weights)


def fuse_slowly(members: Sequence[Predictions], options: FuseOptions) -> np.ndarray:
    """Rows (image id, class, score, x1, y1, x2, y2), by image, class and falling score."""
    weights, scale = options.weights_of(len(members)), scales(options, len(members))
    floors = options.floors_of(len(members))
    used = [m for m in range(len(members)) if weights[m] > 0]
    rows = []
    for image in sorted({int(i) for m in used for i in members[m].seen_image_id}):
        voters = Voters([weights[m] for m in used if image in members[m].seen_image_id])
        for c in range(1 + max((int(members[m].class_index.max(initial=0)) for m in used), default=0)):
            candidates = [
                Candidate(float(part.score[row]) * scale[m], tuple(part.box_xyxy[row].tolist()), m, scale[m])
                for m, part in ((m, members[m]) for m in used)
                for row in np.flatnonzero((part.image_id == image) & (part.class_index == c))
                if part.score[row] >= floors[m] and np.all(part.box_xyxy[row, 2:] > part.box_xyxy[row, :2])
            ]
            candidates.sort(key=lambda one: -one.score)  # stable: member by member, row by row
            found = TWINS[options.method](candidates, options, voters) if voters.weights else []
            found.sort(key=lambda one: -one[0])
            rows += [(image, c, score, *box) for score, box in found]
    return np.array(rows, np.float64).reshape(-1, 7)
