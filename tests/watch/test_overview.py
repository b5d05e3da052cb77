import json
from pathlib import Path

from bunri.watch.overview import Overview, run_folders_below
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
