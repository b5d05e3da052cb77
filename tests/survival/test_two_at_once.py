"""Two processes that write to one place at the same time: both end well, the last whole one stays, nothing is torn."""

import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from builders import random_world
from bunri.io import write_coco, write_predictions
from bunri.search import read_recipe
from experiment_builders import make_experiment_folder

PUTTING = """
import sys
from pathlib import Path
from bunri.ledger import Entry, Ledger

book, name = Ledger(Path(sys.argv[1])), sys.argv[2]
for k in range(40):
    book.put([Entry(f"{name}/{k}", "model", "x", out_of_fold=0.5), Entry("both/one", "model", name)])
"""


def twice(*commands: Sequence[object]) -> None:
    """Run commands side by side; all must end well."""
    running = [
        subprocess.Popen([sys.executable, *map(str, one)], stderr=subprocess.PIPE, stdout=-3) for one in commands
    ]
    for process in running:
        words = process.communicate(timeout=200)[1].decode()
        assert process.returncode == 0, words


def test_ledgers_entries_of_both_are_there(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite"
    twice(*[("-c", PUTTING, file, name) for name in ("first", "second")])
    with sqlite3.connect(file) as book:
        assert book.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert book.execute("SELECT count(*) FROM entries").fetchone() == (81,)
        assert book.execute("SELECT folder FROM entries WHERE name = 'both/one'").fetchone()[0] in ("first", "second")
    book.close()


def test_a_searched_recipe_is_that_of_one_of_them(tmp_path: Path) -> None:
    dataset, members = random_world(images=30, members=2)
    write_coco(dataset, tmp_path / "truth.json")
    for member, name in zip(members, "ab", strict=True):
        write_predictions(member, tmp_path / f"{name}.parquet", dataset)
    search = [
        "-m",
        "bunri",
        "search",
        tmp_path / "a.parquet",
        tmp_path / "b.parquet",
        "--truth",
        tmp_path / "truth.json",
    ]
    search += ["--families=fused", "--folds=2", "--resamples=20", "--out", tmp_path / "recipe.json"]
    twice(search, search)
    together = read_recipe(tmp_path / "recipe.json")
    twice(search)
    assert together == read_recipe(tmp_path / "recipe.json")
    assert not list(tmp_path.glob("*.state.json"))
    assert not list(tmp_path.glob(".*"))


def test_a_report_is_that_of_one_of_them(tmp_path: Path) -> None:
    folder, out = make_experiment_folder(tmp_path, photos=2), tmp_path / "report.html"
    report = ["-m", "bunri", "report", folder, "--out", out]
    twice(report, report)
    together = out.read_bytes()
    twice(report)
    assert out.read_bytes() == together
    assert not list(tmp_path.glob(".*"))
