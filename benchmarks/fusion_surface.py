"""mAP50 of fusing two members over IoU, score floor and weight of the second, by WBF and NMS, calibrated or not.

    python benchmarks/fusion_surface.py A.csv B.csv --truth train.json --out surface.json
    python benchmarks/fusion_surface.py --draw flip=surface.json yolo=other.json --svg surface.svg

Curves of calibration (isotonic) are fitted outside of each of five folds and applied to it. Nothing else is chosen, so
that each value is honest; the best of them all is not.
"""

import argparse
import itertools
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from charts import Panel, Series, chart

from bunri.evaluate.matching import match, objects_of
from bunri.fuse.methods import fuse_with
from bunri.fuse.options import FuseOptions
from bunri.io import load_dataset, read_predictions
from bunri.predictions import Predictions, concatenate
from bunri.search.calibrated import judged_boxes
from bunri.search.task import Task, make_task

IOUS = (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8)
FLOORS = (0.05, 0.1, 0.2, 0.3)
WEIGHTS = (0.25, 0.5, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("predictions", nargs="*", type=Path)
    for name in ("truth", "out", "svg"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--draw", nargs="+", default=[])
    given = parser.parse_args()
    if given.draw:
        given.svg.write_text(drawn(given.draw))
        return
    dataset = load_dataset(given.truth)
    members = [read_predictions(path, dataset).clipped(dataset) for path in given.predictions]
    common = np.intersect1d(members[0].seen_image_id, members[1].seen_image_id)
    task = make_task([member.of_images(common) for member in members], dataset.subset(common))
    rows = surface(task)
    given.out.write_text(json.dumps({"images": len(common), "rows": rows}))


def surface(task: Task) -> list[dict[str, Any]]:
    """One row for each setting, and one for each member alone."""
    objects, rows = objects_of(task.dataset, task.image_id), []
    ones = np.ones((len(task.image_id), 1), np.int64)

    def mAP50(found: Predictions) -> float:
        return float(match(found, objects).mAP50(ones)[0])

    rows += [{"alone": member.name, "mAP50": mAP50(member)} for member in task.members]
    for floor, calibrated in itertools.product(FLOORS, (False, True)):
        cut = [member.above(floor) for member in task.members]
        used = [calibrated_out_of_fold(member, task) for member in cut] if calibrated else cut
        for method, weight, iou in itertools.product(("wbf", "nms"), WEIGHTS, IOUS):
            fused = fuse_with(used, FuseOptions(method, iou, weights=(1.0, weight)), "fused")
            setting = {"method": method, "iou": iou, "floor": floor, "weight": weight, "calibrated": calibrated}
            rows.append(setting | {"mAP50": mAP50(fused)})
        sys.stderr.write(f"floor {floor}, {'calibrated' if calibrated else 'as they came'}\n")
    return rows


def calibrated_out_of_fold(member: Predictions, task: Task) -> Predictions:
    """The member with each score made the share of true boxes among its like on other folds."""
    judged, parts = judged_boxes(member, task), []
    for fold in range(task.folds):
        curves = judged.calibration(np.asarray(task.fold != fold), len(task.dataset.class_names), "isotonic")
        parts.append(curves.apply_to(member.of_images(task.image_id[task.fold == fold])))
    return concatenate(parts, member.name)


def drawn(named: Sequence[str]) -> str:
    """For each file, mAP50 against IoU at the lowest floor: WBF and NMS with equal weights, WBF with a quarter."""
    panels = []
    for text in named:
        title, _, path = text.partition("=")
        rows = [row for row in json.loads(Path(path).read_text())["rows"] if row.get("floor") == FLOORS[0]]
        lines = [("wbf", 1.0, 0), ("nms", 1.0, 1), ("wbf", 0.25, 2)]
        series = [_line(rows, *line, calibrated) for line in lines for calibrated in (False, True)]
        panels.append(Panel(title, series))
    return chart(panels, "IoU", "mAP50")


def _line(rows: Sequence[dict[str, Any]], method: str, weight: float, colour: int, calibrated: bool) -> Series:
    kept = [r for r in rows if (r["method"], r["weight"], r["calibrated"]) == (method, weight, calibrated)]
    name = f"{method.upper()}{'' if weight == 1 else ', weights 4:1'}{', calibrated' if calibrated else ''}"
    return Series(name, [(row["iou"], row["mAP50"]) for row in kept], colour, is_dashed=calibrated)


if __name__ == "__main__":
    main()
