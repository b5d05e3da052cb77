"""Stores over the real protocol of S3."""

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from bunri.errors import DataError, OutputError
from bunri.experiment import run
from bunri.files import write_bytes, write_json, write_text
from bunri.run_folder import RunFolder
from bunri.store import Store, fetch, put
from bunri.store.index import NAME, local_files
from experiment_files import TESTS, write_experiment
from store.conftest import KEY

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture
def auth(endpoint: str) -> Iterator[None]:
    """The server asks for keys, and knows none."""

    def after(requests: str) -> None:
        plain = {"Content-Type": "text/plain"}  # not a form
        asked = urllib.request.Request(f"{endpoint}/moto-api/reset-auth", requests.encode(), plain, method="POST")
        urllib.request.urlopen(asked).close()

    after("0")
    yield
    after("inf")


def test_folders_come_back_as_they_were(bucket: str, tmp_path: Path) -> None:
    store = Store(f"s3://{bucket}/runs/trash/fcos/fold0")
    write_bytes(tmp_path / "run" / "checkpoints" / "last.pt", bytes(range(256)) * 50_000)
    write_text(tmp_path / "run" / "metrics.jsonl", "")
    write_json(tmp_path / "run" / "manifest.json", {"status": "done"})
    assert put(tmp_path / "run", store) == ["metrics.jsonl", "checkpoints/last.pt", "manifest.json"]
    assert put(tmp_path / "run", store) == []
    fetch(Store(f"s3://{bucket}/runs/trash"), tmp_path / "again")
    for path in local_files(tmp_path / "run"):
        assert (tmp_path / "again" / "fcos" / "fold0" / path).read_bytes() == (tmp_path / "run" / path).read_bytes()
    write_text(tmp_path / "run" / "metrics.jsonl", "more\n")
    assert put(tmp_path / "run", store) == ["metrics.jsonl", "manifest.json"]
    assert NAME in store.files()


def test_an_experiment_goes_on_on_another_machine(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TESTS)
    path = write_experiment(tmp_path, {"a": {"steps": 2}, "b": {"steps": 2, "noise": 2}})
    kept = f"store=s3://{bucket}/runs"
    board = run(path, (kept, "ensemble.method=wbf"))
    again = run(path, (kept, "ensemble.method=wbf", f"runs={tmp_path / 'elsewhere'}"), resume=True)
    assert again.rows == board.rows
    there, here = (RunFolder(one.folder / "a" / "fold1").read_manifest() for one in (again, board))
    assert there == here  # nothing was trained again
    assert (again.folder / "submission.csv").read_bytes() == (board.folder / "submission.csv").read_bytes()


def test_a_bucket_that_is_not_there_is_not_made(bucket: str) -> None:
    with pytest.raises(OutputError, match=r"s3://elsewhere/runs must be a place that can be written.*does not exist"):
        Store("s3://elsewhere/runs").check()


def test_wrong_keys_are_told_before_anything_trains_and_not_repeated(
    bucket: str, auth: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(TESTS)
    with pytest.raises(OutputError, match="Check that it exists, and the rights, keys and endpoint") as caught:
        run(write_experiment(tmp_path), (f"store=s3://{bucket}/runs",))
    with pytest.raises(DataError, match="must be a place that can be listed"):
        fetch(Store(f"s3://{bucket}/runs"), tmp_path / "again")
    assert KEY not in str(caught.value) + "".join(capfd.readouterr())
    assert not (tmp_path / "runs" / "tiny" / "exact").exists()


def test_no_keys_and_no_server_are_told(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import s3fs

    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(OutputError, match="Unable to locate credentials"):
        Store(f"s3://{bucket}/runs").check()
