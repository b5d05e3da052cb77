import json
import sys
from pathlib import Path

import pytest

from bunri.cli import main
from bunri.files import write_json, write_text
from bunri.store import Store, put

pytest.importorskip("fsspec", reason="pip install 'bunri[store]'")


def fetched(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["bunri", "fetch", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_fetch_makes_a_folder_and_says_what_it_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_text(tmp_path / "run" / "metrics.jsonl", "{}\n")
    write_json(tmp_path / "run" / "manifest.json", {"status": "done"})
    url, out = f"file://{tmp_path}/store/fold0", tmp_path / "out"
    put(tmp_path / "run", Store(url))
    assert fetched(monkeypatch, url, "--out", str(out), "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"folder": str(out), "copied": ["metrics.jsonl", "manifest.json"]}
    assert fetched(monkeypatch, url, "--out", str(out)) == 0
    assert capsys.readouterr().out == f"{out}: 1 files copied from {url}\n"
    assert (out / "metrics.jsonl").read_text() == "{}\n"


def test_what_is_not_there_is_a_mistake_of_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fetched(monkeypatch, f"file://{tmp_path}/nothing", "--out", str(tmp_path / "out")) == 2
    assert "has nothing" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
