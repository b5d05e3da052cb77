"""Putting and fetching, on every kind of store that is there without a server."""

import json
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bunri.errors import BunriError, ConfigError, DataError, MissingPackageError, OutputError, UsageError
from bunri.files import write_json, write_text
from bunri.store import Store, fetch, put
from bunri.store.index import NAME, local_files, rank

fsspec = pytest.importorskip("fsspec", reason="pip install 'bunri[store]'")


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    yield Store(f"file://{tmp_path}/store/runs" if request.param == "file" else f"memory://{tmp_path.name}/runs")
    fsspec.filesystem("memory").store.clear()


def write_run(folder: Path, step: int = 1, status: str = "done") -> Path:
    """What a run leaves, as small as can be."""
    write_text(folder / "metrics.jsonl", f"{step}\n")
    write_text(folder / "checkpoints" / "best.pt", "best")
    write_text(folder / "checkpoints" / "last.pt", f"last {step}")
    write_text(folder / ".lock", "")
    write_json(folder / "manifest.json", {"status": status})
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path: (folder / path).read_bytes() for path in local_files(folder)}


class Breaking:
    """A store whose writes stop after so many."""

    def __init__(self, store: Store, writes: int) -> None:
        self._store, self._left = store, writes

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise OutputError("the cable was pulled")

    def put(self, file: Path, path: str) -> None:
        self._count()
        self._store.put(file, path)

    def write(self, path: str, content: bytes) -> None:
        self._count()
        self._store.write(path, content)

    def delete(self, path: str) -> None:
        self._count()
        self._store.delete(path)


def test_what_is_fetched_is_what_was_put(store: Store, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    assert set(put(run, store)) == {"metrics.jsonl", "checkpoints/best.pt", "checkpoints/last.pt", "manifest.json"}
    assert fetch(store, tmp_path / "again")[-1] == "manifest.json"
    assert contents(tmp_path / "again") == contents(run)
    assert not (tmp_path / "again" / NAME).exists()
    assert fetch(store, tmp_path / "again") == ["manifest.json"]  # the only one without a hash


def test_what_has_not_changed_is_not_put_again_and_what_is_gone_is_deleted(store: Store, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", status="running")
    put(run, store)
    assert put(run, store) == []
    write_run(run, step=2)
    (run / "checkpoints" / "best.pt").unlink()
    assert put(run, store) == ["metrics.jsonl", "checkpoints/last.pt", "manifest.json"]
    assert store.files() == [NAME, "checkpoints/last.pt", "manifest.json", "metrics.jsonl"]


def test_an_experiment_is_put_without_its_runs_and_fetched_with_them(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "trash"
    write_run(folder / "fcos" / "fold0")
    write_run(folder / "fcos" / "fold0" / "seed1")
    write_json(folder / "leaderboard.json", {})
    write_text(folder / "fcos" / "oof.parquet", "boxes")
    assert put(folder, store) == ["fcos/oof.parquet", "leaderboard.json"]
    put(folder / "fcos" / "fold0", store.folder("fcos/fold0"))
    put(folder / "fcos" / "fold0" / "seed1", store.folder("fcos/fold0/seed1"))
    got = fetch(store, tmp_path / "again")
    assert [path.rpartition("/")[2] for path in got[-3:]] == ["manifest.json", "manifest.json", "leaderboard.json"]
    for part in ("", "fcos/fold0", "fcos/fold0/seed1"):
        assert contents(tmp_path / "again" / part) == contents(folder / part)


@pytest.mark.parametrize("writes", range(9))
@pytest.mark.parametrize("before", ["nothing", "running", "done"])
def test_a_put_that_breaks_off_never_looks_finished_and_the_next_mends_it(
    store: Store, tmp_path: Path, before: str, writes: int
) -> None:
    run = tmp_path / "run"
    if before != "nothing":
        put(write_run(run, status=before), store)
    write_run(run, step=2)
    breaking: Store = Breaking(store, writes)  # type: ignore[assignment]
    try:
        put(run, breaking)
    except OutputError:
        if store.read_json("manifest.json").get("status") == "done":
            assert before == "done"  # nothing had been touched yet
            assert store.read("checkpoints/last.pt") == b"last 1"
            assert store.read("metrics.jsonl") == b"1\n"
    put(run, store)
    fetch(store, tmp_path / "again")
    assert contents(tmp_path / "again") == contents(run)


@pytest.mark.parametrize("writes", range(7))
def test_what_is_gone_is_deleted_by_the_next_put_if_one_breaks_off(store: Store, tmp_path: Path, writes: int) -> None:
    run = write_run(tmp_path / "run", status="running")
    put(run, store)
    write_run(run, step=2, status="running")
    (run / "checkpoints" / "best.pt").unlink()
    with suppress(OutputError):
        put(run, Breaking(store, writes))  # type: ignore[arg-type]
    put(run, store)
    assert store.files() == [NAME, "checkpoints/last.pt", "manifest.json", "metrics.jsonl"]


def test_a_checkpoint_in_the_store_never_is_ahead_of_its_records(store: Store, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", status="running")
    put(run, store)
    write_run(run, step=2, status="running")
    for writes in range(4):
        with pytest.raises(OutputError):
            put(run, Breaking(store, writes))  # type: ignore[arg-type]
        if store.read("checkpoints/last.pt") == b"last 2":
            assert store.read("metrics.jsonl") == b"2\n"


def test_a_damaged_file_is_refused_and_nothing_looks_finished(store: Store, tmp_path: Path) -> None:
    put(write_run(tmp_path / "run"), store)
    store.write("checkpoints/last.pt", b"another")
    write_run(tmp_path / "again", step=3)
    with pytest.raises(DataError, match=r"last\.pt must be the file that was put there"):
        fetch(store, tmp_path / "again")
    assert not (tmp_path / "again" / "manifest.json").exists()
    assert (tmp_path / "again" / "checkpoints" / "last.pt").read_text() == "last 3"


def test_damage_is_seen_in_a_run_whose_put_broke_off_too(store: Store, tmp_path: Path) -> None:
    run, there = write_run(tmp_path / "run"), store.folder("fcos/fold0")
    put(run, there)
    there.delete("manifest.json")
    there.write("checkpoints/best.pt", b"another")
    with pytest.raises(DataError, match=r"fcos/fold0/checkpoints/best\.pt must be the file that was put there"):
        fetch(store, tmp_path / "again")


def test_names_that_lead_out_of_the_folder_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store("memory://bucket/runs")
    monkeypatch.setattr(store._system, "find", lambda root: [f"{root}/../../evil"])
    with pytest.raises(DataError, match="must stay in the folder"):
        fetch(store, tmp_path)


def test_an_empty_store_has_nothing_to_fetch(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has nothing"):
        fetch(store, tmp_path / "again")
    store.check()
    assert store.files() == []
    store.write(".bunri-0123", b"of a check that was killed")
    assert store.files() == []


def test_an_index_that_is_none_is_told(store: Store, tmp_path: Path) -> None:
    store.write(NAME, b"[1")
    with pytest.raises(DataError, match="must be as bunri writes it"):
        put(write_run(tmp_path / "run"), store)


@pytest.mark.parametrize(
    ("url", "kind", "said"),
    [
        ("s3://KEY:planted-secret@bucket/path", ConfigError, "must have no name, key or password"),
        ("runs", ConfigError, "must be a URL"),
        ("nonsense://x", ConfigError, "a file system fsspec knows"),
        ("http://[broken", ConfigError, "must be a URL"),
        ("gs://bucket", MissingPackageError, "pip install"),
        ("file:///proc/nowhere", OutputError, "must be a place that can be written"),
    ],
)
def test_places_that_are_none_are_told_and_no_key_is(url: str, kind: type[BunriError], said: str) -> None:
    if url.startswith("gs") and find_spec("gcsfs"):
        pytest.skip("gcsfs is installed")
    with pytest.raises(kind, match=said) as caught:
        Store(url).check()
    assert "planted-secret" not in str(caught.value)


@given(st.permutations(["a.txt", "checkpoints/best.pt", "checkpoints/last.pt", "manifest.json", "leaderboard.json"]))
def test_what_says_that_all_is_there_is_last(paths: list[str]) -> None:
    expected = ["a.txt", "checkpoints/best.pt", "checkpoints/last.pt", "manifest.json", "leaderboard.json"]
    assert sorted(paths, key=rank) == expected
    assert json.dumps(sorted((f"m/fold0/{path}" for path in paths), key=rank)[1:3]).count("checkpoints") == 2
