"""H9: lines a user writes to put an optimizer, a sampler and a logger of their own into each framework, and into bunri.

    python benchmarks/lines_to_extend/count.py

Counted is what joins ``own.py`` to a framework: between the marks ``# optimizer``, ``# sampler``, ``# logger``,
``# end``, without blank lines and comments. Each ``*_alone.py`` is run with the framework's Python to prove that it
works; the three files of bunri are one for all frameworks.
"""

from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent
THINGS = ("optimizer", "sampler", "logger")
FILES = {
    "Detectron2": ("detectron2_alone.py",),
    "MMDetection": ("mmdetection_alone.py",),
    "Ultralytics": ("ultralytics_alone.py",),
    "bunri, all of them": ("with_bunri.yaml", "own_samplers.py", "own_writers.py"),
}


def lines_of(file: Path) -> Counter[str]:
    """Lines by what they add."""
    counted: Counter[str] = Counter()
    thing = ""
    for line in file.read_text().splitlines():
        text = line.strip()
        if text.startswith("# ") and text[2:] in (*THINGS, "end"):
            thing = text[2:]
        elif thing in THINGS and text and not text.startswith("#"):
            counted[thing] += 1
    return counted


def counted_lines() -> dict[str, Counter[str]]:
    """Lines of each framework by what they add."""
    return {name: sum((lines_of(HERE / file) for file in files), Counter()) for name, files in FILES.items()}


def main() -> None:
    print(f"{'':20}" + "".join(f"{thing:>11}" for thing in (*THINGS, "all")))
    for name, counted in counted_lines().items():
        numbers = [counted[thing] for thing in THINGS]
        print(f"{name:20}" + "".join(f"{number:11}" for number in (*numbers, sum(numbers))))


if __name__ == "__main__":
    main()
