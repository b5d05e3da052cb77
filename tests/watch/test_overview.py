import json
import os
from pathlib import Path

import pytest

from bunri.watch import status
from bunri.watch.overview import Overview, run_folders_below
from bunri.watch.records import Record, read_records
from watch.watched_runs import NOW, write_run


def test_all_runs_the_running_ones_first_with_their_curves(tmp_path: Path) -> None:
    write_run(tmp_path / "trash" / "fcos" / "fold0", 100, status="done")
    write_run(tmp_path / "trash" / "ssd" / "fold0")
    write_run(tmp_path / "trash" / "ssd" / "fold1" / "seed1", status="failed")
    found = Overview([tmp_path]).read(NOW)
    assert [(run["label"], run["status"]) for run in found["runs"]] == [
        ("trash/ssd/fold0", "running"),
        ("trash/ssd/fold1/seed1", "failed"),
        ("trash/fcos/fold0", "done"),
    ]
    assert [name["name"] for name in found["names"]] == ["trash/fcos", "trash/ssd"]
    loss = found["figures"]["train/loss"]["series"]
    assert [(line["name"], line["label"], line["dash"]) for line in loss] == [
        ("trash/fcos", "trash/fcos/fold0", 0),
        ("trash/ssd", "trash/ssd/fold0", 0),
        ("trash/ssd", "trash/ssd/fold1/seed1", 1),
    ]


def test_it_is_json_for_a_browser_whatever_was_recorded(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "fcos" / "fold0", 2)
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"step": 3, "train/loss": NaN, "lr/base": "fast", "time": Infinity}\n{"step": 4, "train/lo')
    found = Overview([tmp_path]).read(NOW)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["figures"]["train/loss"]["series"][0]["y"][-1] is None


def test_what_is_new_is_seen_at_the_next_look(tmp_path: Path) -> None:
    overview = Overview([tmp_path / "runs"])
    assert overview.read(NOW)["runs"] == []
    folder = write_run(tmp_path / "runs" / "fcos" / "fold0", 2)
    assert overview.read(NOW)["figures"]["train/loss"]["series"][0]["x"] == [1, 2]
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"step": 3, "train/loss": 0.5}\n')
    assert overview.read(NOW)["figures"]["train/loss"]["series"][0]["x"] == [1, 2, 3]


def test_a_broken_run_leaves_the_others(tmp_path: Path) -> None:
    write_run(tmp_path / "a" / "fold0")
    (write_run(tmp_path / "b" / "fold0") / "manifest.json").write_text("{")
    assert [run["status"] for run in Overview([tmp_path]).read(NOW)["runs"]] == ["running", "broken"]


def test_several_folders_are_told_apart_by_name(tmp_path: Path) -> None:
    for name in ("here", "there"):
        write_run(tmp_path / name / "fcos" / "fold0")
    found = Overview([tmp_path / "here", tmp_path / "there"]).read(NOW)
    assert [run["label"] for run in found["runs"]] == ["here/fcos/fold0", "there/fcos/fold0"]
    assert [run["label"] for run in Overview([tmp_path / "here" / "fcos" / "fold0"]).read(NOW)["runs"]] == ["fold0"]


def test_what_lies_in_a_run_or_too_deep_is_not_looked_at(tmp_path: Path) -> None:
    run = write_run(tmp_path / "a" / "fold0")
    write_run(run / "native" / "theirs")
    write_run(tmp_path.joinpath(*"123456789") / "fold0")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert run_folders_below(tmp_path) == [run]


def test_of_many_runs_those_that_run_or_wrote_last_are_shown(tmp_path: Path) -> None:
    for number in range(6):
        folder = write_run(tmp_path / "a" / f"fold{number}", 2, status="running" if number == 0 else "done")
        for path in folder.iterdir():
            os.utime(path, (NOW + number, NOW + number))
    found = Overview([tmp_path], at_most=3).read(NOW)
    assert [run["label"] for run in found["runs"]] == ["a/fold0", "a/fold4", "a/fold5"]
    assert (found["left_out"], found["counts"]) == (3, {"running": 1, "done": 5})
    assert len(found["figures"]["train/loss"]["series"]) == 3


def test_records_are_read_again_only_where_something_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(tmp_path / "still" / "fold0", 2)
    busy = write_run(tmp_path / "busy" / "fold0", 2)
    overview = Overview([tmp_path])
    overview.read(NOW)
    read = list[Path]()

    def told(path: Path) -> list[Record]:
        read.append(path)
        return read_records(path)

    monkeypatch.setattr(status, "read_records", told)
    with (busy / "metrics.jsonl").open("a") as file:
        file.write('{"step": 3}\n')
    steps = {run["label"]: (run["step"], run["quiet_seconds"]) for run in overview.read(NOW + 60)["runs"]}
    assert read == [busy / "metrics.jsonl"]
    assert steps["busy/fold0"] == (3, 0)
    assert steps["still/fold0"][0] == 2
    assert steps["still/fold0"][1] >= 60
