"""Figures of `bunri gain --json`: pairs' gains against their overlap, and the greedy curve against training minutes.

python benchmarks/gain_figures.py pairs NAME=gain.json ... --svg pairs.svg
python benchmarks/gain_figures.py curve NAME=gain.json:leaderboard.json[:leaderboard.json] ... --svg curve.svg
"""

import argparse
import json
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from charts import Panel, Series, chart


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("pairs", "curve"))
    parser.add_argument("files", nargs="+")
    parser.add_argument("--svg", type=Path, required=True)
    given = parser.parse_args()
    given.svg.write_text(pairs_chart(given.files) if given.what == "pairs" else curve_chart(given.files))


def pairs_chart(named: Sequence[str]) -> str:
    """A point for each pair: the mAP50 in objects only the weaker finds, and the gain of fusing."""
    panels = []
    for text in named:
        title, _, path = text.partition("=")
        pairs = _read(path)["pairs"]
        kinds = (("within a family", True, 0), ("across families", False, 1))
        panels.append(
            Panel(title, [_points(pairs, *kind) for kind in kinds if any(p["same_family"] is kind[1] for p in pairs)])
        )
    return chart(panels, "mAP50 rescued by the weaker", "gain of the pair")


def _points(pairs: Sequence[dict[str, Any]], name: str, is_within: bool, colour: int) -> Series:
    kept = [pair for pair in pairs if pair["same_family"] is is_within]
    return Series(name, [(pair["features"]["rescued"], pair["gain"]) for pair in kept], colour, is_line=False)


def curve_chart(named: Sequence[str]) -> str:
    """mAP50 of the greedy ensemble against the training minutes of its members."""
    series = []
    for k, text in enumerate(named):
        title, _, paths = text.partition("=")
        gains, *boards = paths.split(":")
        minutes = {row["model"]: row["minutes"] for board in boards for row in _read(board)["rows"]}
        steps = _read(gains)["shares"]["curve"]
        spent = accumulate(minutes[step["added"]] for step in steps)
        series.append(Series(title, [(m, step["mAP50"]) for m, step in zip(spent, steps, strict=True)], k))
        print(title, [(step["added"], minutes[step["added"]], round(step["gain"], 4)) for step in steps])
    return chart([Panel("greedy ensembles", series)], "training minutes of all members", "mAP50 out of fold")


def _read(path: str) -> Any:
    return json.loads(Path(path).read_text())


if __name__ == "__main__":
    main()
