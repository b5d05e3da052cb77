"""Every verb that writes, on a disk that is full or that nobody may write: one clear error, and nothing is hurt."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from builders import make_dataset, random_world
from bunri.demo.render import render_demo
from bunri.engines import checkpoint
from bunri.errors import OutputError
from bunri.experiment import run as run_experiment
from bunri.io import load_dataset, write_coco, write_predictions
from bunri.serve.answers import CorrectedObject
from bunri.serve.corrections import Corrections
from experiment_builders import make_experiment_folder
from experiment_files import TESTS, write_experiment
from small_disks import PAGE, Disk, mounted
from survival.conftest import Bunri

FULL = ("No space left on device", "database or disk is full")
PROTECTED = ("Read-only file system", "attempt to write a readonly database", "unable to open database file")


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the verbs read: predictions and truth, photos, claims, an experiment, and one that was trained."""
    folder = tmp_path_factory.mktemp("given")
    dataset, members = random_world(images=30, members=2)
    write_coco(dataset, folder / "truth.json")
    for member, name in zip(members, ("a.parquet", "b.parquet"), strict=True):
        write_predictions(member, folder / name, dataset)
    make_experiment_folder(folder, photos=4)
    _write_claims(folder / "claims.yaml")
    (folder / "tiny").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(TESTS)
        one_fold = {"count": 2, "run": [0], "near_duplicates": False}
        run_experiment(write_experiment(folder / "tiny", folds=one_fold), ("writers.console=false",))
    return folder


def _write_claims(path: Path) -> None:
    arms = {name: {"predictions": f"{name}.parquet"} for name in "ab"}
    claim = {"claim": "b is better", "effect": "b - a", "smallest_effect": 0.01, "floor": "common"}
    path.write_text(yaml.safe_dump({"truth": "truth.json", "resamples": 100, "arms": arms, "hypotheses": {"H": claim}}))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with mounted(tmp_path / "disk", "8m") as disk:
        yield disk


ON_TRUTH = ("--images", "{given}/truth.json")
MEMBERS = ("{given}/a.parquet", "{given}/b.parquet")

FOUND = "{given}/runs/small/fcos/oof.parquet"
SEARCH = ("search", *MEMBERS, "--truth", "{given}/truth.json", "--families=fused", "--folds=2", "--resamples=20")

VERBS: dict[str, Sequence[str]] = {
    "convert predictions": ("convert", MEMBERS[0], "{disk}/a.csv", *ON_TRUTH),
    "convert data": ("convert", "{given}/truth.json", "{disk}/yolo"),
    "eda": ("eda", "{given}/data/train.json", "--out", "{disk}/eda.html"),
    "errors": ("errors", FOUND, "--truth", "{given}/data/train.json", "--draw", "{disk}"),
    "fuse csv": ("fuse", *MEMBERS, *ON_TRUTH, "--out", "{disk}/f.csv"),
    "fuse json": ("fuse", *MEMBERS, *ON_TRUTH, "--out", "{disk}/f.json"),
    "fuse parquet": ("fuse", *MEMBERS, *ON_TRUTH, "--out", "{disk}/f.parquet"),
    "ledger": ("ledger", "--runs", "{given}/runs", "--file", "{disk}/ledger.sqlite"),
    "predict": ("predict", "{given}/tiny/runs/tiny/exact", "{given}/tiny/0001.jpg", "--out", "{disk}/p.parquet"),
    "predict draw": ("predict", "{given}/tiny/runs/tiny/exact", "{given}/tiny/0001.jpg", "--draw", "{disk}/drawn"),
    "pseudo": ("pseudo", MEMBERS[0], *ON_TRUTH, "--out", "{disk}/pseudo.json"),
    "report": ("report", "{given}/runs/small", "--out", "{disk}/report.html"),
    "reproduce": ("reproduce", "{given}/tiny/runs/tiny/exact/fold0", "--out", "{disk}/again"),
    "search": (*SEARCH, "--out", "{disk}/recipe.json"),
    "search predictions": (*SEARCH, "--out-of-fold", "{disk}/oof.parquet"),
    "split": ("split", "{given}/truth.json", "--folds", "2", "--no-near-duplicates", "--out", "{disk}/folds"),
    "submit": ("submit", MEMBERS[0], *ON_TRUTH, "--out", "{disk}/submission.csv"),
    "test": ("test", "{given}/claims.yaml", "--out", "{disk}/verdicts.json"),
    "test figure": ("test", "{given}/claims.yaml", "--figure", "{disk}/forest.svg"),
}
"""What is written to the disk, by verb."""

ONCE = ("reproduce",)
"""Verbs that write to a new folder only."""

LARGE = ("errors", "eda", "report", "fuse csv", "fuse parquet")
"""What writes more than a page: it is cut off in the middle of a file."""


@pytest.fixture
def words(request: pytest.FixtureRequest, given: Path, disk: Disk) -> list[str]:
    """A command that writes to the disk."""
    return [word.format(given=given, disk=disk.folder) for word in VERBS[request.param]]


every_verb = pytest.mark.parametrize("words", VERBS, indirect=True)


def assert_refused(told: tuple[int, str], disk: Disk, reasons: Sequence[str]) -> None:
    """One sentence that names a file of the disk, what came and the next step."""
    code, text = told
    errors = [line for line in text.splitlines() if line.startswith("error: ")]
    assert (code, len(errors)) == (1, 1), text
    assert "Traceback" not in text
    assert f"{disk.folder}/" in errors[0]
    assert any(f"must be writable, but: {reason}" in errors[0] for reason in reasons), errors[0]


@every_verb
def test_a_full_disk_is_told_and_hurts_nothing(bunri: Bunri, words: list[str], disk: Disk) -> None:
    disk.fill()
    assert_refused(bunri(*words), disk, FULL)
    assert not any(disk.content().values())  # SQLite leaves a file of no bytes, which is an empty ledger
    disk.free()
    assert bunri(*words)[0] == 0
    whole = disk.content()
    assert whole
    if words[0] not in ONCE:
        disk.fill()
        told = bunri(*words)
        if words[0] != "ledger" or told[0]:  # SQLite finds room in its own file
            assert_refused(told, disk, FULL)
        assert disk.content() == whole
        disk.free()
        assert bunri(*words)[0] == 0
        assert disk.content().keys() == whole.keys()


@pytest.mark.parametrize("words", LARGE, indirect=True)
def test_a_disk_that_becomes_full_within_a_file_leaves_the_old_one(bunri: Bunri, words: list[str], disk: Disk) -> None:
    assert bunri(*words)[0] == 0
    whole = disk.content()
    assert max(map(len, whole.values())) > PAGE
    disk.fill(pages_left=1)
    assert_refused(bunri(*words), disk, FULL)
    assert disk.content() == whole


@every_verb
def test_a_folder_nobody_may_write_is_told(bunri: Bunri, words: list[str], disk: Disk) -> None:
    disk.protect()
    assert_refused(bunri(*words), disk, PROTECTED)
    disk.allow()
    assert bunri(*words)[0] == 0
    whole = disk.content()
    if words[0] not in ONCE:
        disk.protect()
        assert_refused(bunri(*words), disk, PROTECTED)
        assert disk.content() == whole


def _in_a_process(*words: object, **options: Any) -> tuple[int, str]:
    command = [sys.executable, "-m", "bunri", *map(str, words)]
    done = subprocess.run(command, cwd=TESTS, stderr=subprocess.PIPE, text=True, timeout=120, **options)
    return done.returncode, done.stderr


def test_a_result_printed_to_a_full_disk_is_an_error(given: Path) -> None:
    with Path("/dev/full").open("w") as full:
        told = _in_a_process("eval", given / "a.parquet", "--truth", given / "truth.json", "--json", stdout=full)
    assert told == (
        1,
        "error: standard output must be writable, but: No space left on device. "
        "Free space, or choose another folder.\n",
    )


def test_a_limit_on_the_size_of_files_is_told_as_a_full_disk_is(given: Path, tmp_path: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (PAGE, PAGE))

    words = ["fuse", *MEMBERS, *ON_TRUTH, "--out", "{disk}/f.parquet"]
    code, text = _in_a_process(*[word.format(given=given, disk=tmp_path) for word in words], preexec_fn=limit)
    assert code == 1
    assert f"error: {tmp_path}/f.parquet must be writable, but: File too large. Free space" in text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_folder_of_somebody_else_is_told(bunri: Bunri, given: Path, tmp_path: Path) -> None:
    words = [word.format(given=given, disk=tmp_path / "out") for word in VERBS["fuse parquet"]]
    assert bunri(*words)[0] == 0  # all is imported that nobody may not read
    for folder in [given, *given.parents[:2], tmp_path]:
        folder.chmod(0o755)
    os.seteuid(65534)
    try:
        code, text = bunri(*words)
    finally:
        os.seteuid(0)
    assert code == 1
    assert "must be writable, but: Permission denied. Give yourself the right to write there, or choose" in text
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["f.parquet"]


def glass(*box: float) -> list[CorrectedObject]:
    return [CorrectedObject.model_validate({"class_name": "Glass", "box": box})]


def test_a_correction_that_has_no_room_leaves_the_others(disk: Disk) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    kept = Corrections(disk.folder / "kept", make_dataset(boxes=()))
    kept.save(photo, glass(0, 0, 50, 50))
    whole = disk.content()
    for pages in (0, 1, 9):  # no photo, half of it
        disk.fill(pages)
        with pytest.raises(OutputError, match="must be writable, but: No space left on device"):
            kept.save(photo[::-1], glass(5, 5, 60, 60))
        assert disk.content() == whole
        disk.free()
    assert kept.save(photo[::-1], glass(5, 5, 60, 60)).photos == 2
    kept.close()
    assert len(load_dataset(disk.folder / "kept" / "annotations.json").annotations) == 2


def test_the_demo_begins_again_where_there_was_no_room(disk: Disk) -> None:
    disk.fill(pages_left=8)
    with pytest.raises(OutputError, match="No space left on device"):
        render_demo(disk.folder / "data", train=3, test=1)
    disk.free()
    render_demo(disk.folder / "data", train=3, test=1)
    assert len(load_dataset(disk.folder / "data" / "train.json")) == 3


@pytest.mark.parametrize("pages", [0, 1, 300])
def test_a_checkpoint_that_has_no_room_leaves_the_last_one(disk: Disk, pages: int) -> None:
    identity, path = checkpoint.Identity.of("steps: 4\n", ("Paper",)), disk.folder / "last.pt"
    weights = torch.arange(500_000, dtype=torch.float32)
    checkpoint.save(path, identity, {"model": {"w": weights}})
    whole = disk.content()
    disk.fill(pages)
    with pytest.raises(OutputError, match=r"last\.pt must be writable, but: No space left on device\. Free"):
        checkpoint.save(path, identity, {"model": {"w": weights + 1}})
    assert disk.content() == whole
    assert torch.equal(checkpoint.load(path, identity)["model"]["w"], weights)
