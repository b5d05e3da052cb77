"""Figures of the claims H6, H8, H9 and H13, from what `bunri test` and their scripts wrote.

    python benchmarks/claim_figures.py h06 OUT.svg VERDICTS.json
python benchmarks/claim_figures.py h08 OUT.svg RIGID_SCHEMA.json
python benchmarks/claim_figures.py h09 OUT.svg
python benchmarks/claim_figures.py h13 OUT.svg VALIDATION_TRACKS.json
"""

import json
import sys
from pathlib import Path

from charts import Panel, Series, chart
from lines_to_extend.count import counted_lines


def h06(report: Path) -> str:
    """Every training of every arm: the five augmentations one by one, and all but one."""
    arms: dict[str, list[float]] = {}
    for hypothesis in json.loads(report.read_text())["hypotheses"]:
        arms |= {name: arm["by_seed"] for name, arm in hypothesis["arms"].items()}
    alone = [name for name in arms if name != "all" and not name.startswith("no_")]
    without = [name for name in arms if name not in alone]
    return chart([_arms("one alone", alone, arms), _arms("all but one", without, arms)], "arm", "mAP50 on test")


def _arms(title: str, names: list[str], arms: dict[str, list[float]]) -> Panel:
    places = sorted(names, key=lambda name: name not in ("none", "all"))  # what the others are compared with first
    points = [[(k + 1.0, score) for score in arms[name]] for k, name in enumerate(places)]
    named = [f"{k + 1} {name}" for k, name in enumerate(places)]
    series = [
        Series(name, dots, k % 6, is_line=False) for k, (name, dots) in enumerate(zip(named, points, strict=True))
    ]
    return Panel(title, series)


def h08(report: Path) -> str:
    """Share of the other configs that a schema made of n configs loads whole."""
    schemas = [(name, found["schema"]["growth"]) for name, found in json.loads(report.read_text()).items()]
    panels = [Panel(name, [Series("loads whole, % of the other configs", growth)]) for name, growth in schemas]
    return chart(panels, "configs the schema was made of", "%")


def h09() -> str:
    """Lines to put an optimizer, a sampler and a logger into one framework after the other."""
    counted = {name: sum(lines.values()) for name, lines in counted_lines().items()}
    bunri = counted.pop("bunri, all of them")
    alone = [(k + 1.0, float(sum(list(counted.values())[: k + 1]))) for k in range(len(counted))]
    series = [Series("each framework alone", alone), Series("with bunri", [(k, float(bunri)) for k, _ in alone], 1)]
    return chart([Panel(", then ".join(counted), series)], "frameworks in use", "lines written")


def h13(report: Path) -> str:
    """Validation and test score of every run."""
    scores = json.loads(report.read_text())["scores"]
    names = list(dict.fromkeys(row["experiment"] for row in scores))
    series = [
        Series(name, [(row["val"], row["test"]) for row in scores if row["experiment"] == name], k % 6, is_line=False)
        for k, name in enumerate(names)
    ]
    return chart([Panel(f"{len(scores)} runs", series)], "mAP50 on the held-out fold", "mAP50 on test")


def main() -> None:
    which, out, *files = sys.argv[1:]
    drawn = {"h06": h06, "h08": h08, "h09": h09, "h13": h13}[which](*[Path(file) for file in files])
    Path(out).write_text(drawn)


if __name__ == "__main__":
    main()
