import json
import sqlite3
from pathlib import Path

import pytest

from bunri.cli import build_app
from bunri.errors import BunriError, DataError, OutputError, UsageError
from bunri.files import read_json, write_json, write_text
from bunri.ledger import Entry, Ledger, differences, insight, scan
from bunri.ledger.insight import agreement
from experiment_builders import make_experiment_folder


def entry(name: str, score: float | None = 0.5, **changes: object) -> Entry:
    return Entry(name, "model", f"runs/{name}", out_of_fold=score, **changes)  # type: ignore[arg-type]


def test_what_is_put_is_there_again(tmp_path: Path) -> None:
    book = Ledger(tmp_path / "new" / "ledger.sqlite")
    kept = entry("a/fcos", members=("x", "y"), facts={"git": {"commit": "abc"}}, minutes=3.5, ended="2026-01-02")
    book.put([kept])
    assert book.entries() == [kept]


def test_a_later_scan_keeps_what_the_user_typed_in(tmp_path: Path) -> None:
    book = Ledger(tmp_path / "ledger.sqlite")
    book.put([entry("a/fcos")])
    book.set_leaderboard("a/fcos", 0.61)
    book.put([entry("a/fcos", 0.7)])
    [now] = book.entries()
    assert (now.out_of_fold, now.leaderboard) == (0.7, 0.61)


@pytest.mark.parametrize(
    ("name", "score", "words"), [("a/fcoz", 0.5, "did you mean 'a/fcos'"), ("a/fcos", 63.4, "0.634")]
)
def test_a_wrong_name_or_score_is_refused(tmp_path: Path, name: str, score: float, words: str) -> None:
    book = Ledger(tmp_path / "ledger.sqlite")
    book.put([entry("a/fcos")])
    with pytest.raises(UsageError, match=words):
        book.set_leaderboard(name, score)


def test_a_file_that_is_no_ledger_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    write_text(path, "these are notes, not a data base, and long enough to be looked at as a header of one " * 3)
    before = path.read_bytes()
    with pytest.raises(DataError, match="SQLite"):
        Ledger(path).put([entry("a/fcos")])
    assert path.read_bytes() == before


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "")
    with pytest.raises(OutputError, match="must be writable"):
        Ledger(tmp_path / "file" / "ledger.sqlite").put([entry("a/fcos")])


def test_entries_that_fail_half_way_are_not_kept(tmp_path: Path) -> None:
    book = Ledger(tmp_path / "ledger.sqlite")
    book.put([entry("a/fcos")])
    with pytest.raises((sqlite3.Error, BunriError, TypeError)):
        book.put([entry("a/ssd"), entry("a/bad", facts={"x": object()})])
    assert [one.name for one in book.entries()] == ["a/fcos"]


def test_the_order_of_validation_and_leaderboard() -> None:
    # ranks 1 2 3 4 against 1 3 2 4: 1 - 6 * (0 + 1 + 1 + 0) / (4 * 15) = 0.8
    found = agreement([(0.1, 0.2), (0.2, 0.4), (0.3, 0.3), (0.4, 0.5), (0.9, None)])
    assert found.pairs == 4
    assert found.correlation == pytest.approx(0.8)
    assert found.optimism == pytest.approx(-0.1)  # 0.4 - 0.5, of the best that has both
    assert found.mean_difference == pytest.approx((1.0 - 1.4) / 4)


@pytest.mark.parametrize("scores", [[], [(0.5, None)], [(0.5, 0.4), (0.6, 0.5)], [(0.5, 0.4)] * 4])
def test_too_little_says_no_correlation(scores: list[tuple[float | None, float | None]]) -> None:
    assert agreement(scores).correlation is None


def test_value_for_its_time() -> None:
    found = insight([entry("slow", 0.8, minutes=80.0), entry("quick", 0.6, minutes=6.0), entry("unknown", 0.7)])
    assert found.best == "slow"
    assert found.best_value == ("quick", "slow")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_experiment_folder(tmp_path_factory.mktemp("ledger"))
    return folder.parent


def test_an_experiment_is_read(runs: Path) -> None:
    found = {one.name: one for one in scan(runs)}
    ensembles = [one for one in found.values() if one.kind == "ensemble"]
    assert len(ensembles) == 1
    assert set(ensembles[0].members) <= {name.split("/")[1] for name in found}
    models = [one for one in found.values() if one.kind == "model"]
    assert all(one.out_of_fold is not None and one.minutes is not None for one in models)
    assert ensembles[0].minutes == pytest.approx(
        sum(one.minutes or 0 for one in models if one.name.split("/")[1] in ensembles[0].members)
    )


def test_a_broken_leaderboard_is_named(tmp_path: Path) -> None:
    write_json(tmp_path / "x" / "leaderboard.json", {"experiment": "x"})
    with pytest.raises(DataError, match=r"x/leaderboard\.json.*rows"):
        scan(tmp_path)


def call(*arguments: object) -> None:
    build_app()([str(argument) for argument in arguments], standalone_mode=False)


def test_the_verb_keeps_a_score_and_shows_it(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "ledger.sqlite"
    name = scan(runs)[0].name
    call("ledger", "set", name, 0.4321, "--runs", runs, "--file", file)
    assert "0.4321" in capsys.readouterr().out
    call("ledger", "--runs", runs, "--file", file, "--json")
    values = json.loads(capsys.readouterr().out)
    assert {one["name"]: one["leaderboard"] for one in values["entries"]}[name] == 0.4321
    assert values["insight"]["leaderboard"]["pairs"] == 1


def test_nothing_to_show_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="must have experiments"):
        call("ledger", "--runs", tmp_path)


def test_runs_that_differ(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [first, *_] = sorted(runs.glob("**/manifest.json"))
    for name, seed, text in (("a", 0, "depth: 18\n"), ("b", 1, "depth: 50\n")):
        write_json(tmp_path / name / "manifest.json", {**read_json(first, "it"), "seed": seed})
        write_text(tmp_path / name / "resolved_config.yaml", text)
    found = differences(tmp_path / "a", tmp_path / "b")
    assert found.values == {"seed": (0, 1)}
    assert "-depth: 18\n+depth: 50\n" in found.config
    call("diff", tmp_path / "a", tmp_path / "b")
    assert "seed" in capsys.readouterr().out
    assert differences(tmp_path / "a", tmp_path / "a").config == ""


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no manifest\.json"):
        differences(tmp_path, tmp_path)
