import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bunri.cli import main
from bunri.engines import catalogue, installing, proving
from bunri.engines.catalogue import EngineState
from bunri.engines.proving import Proof
from bunri.io import load_dataset, read_predictions
from experiment_files import TESTS, write_experiment


class Command:
    """``bunri`` in this process: gives exit code, stdout and stderr."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *arguments: object) -> tuple[int, str, str]:
        self._monkeypatch.setattr(sys, "argv", ["bunri", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = self._capsys.readouterr()
        return int(ended.value.code or 0), out, err


@pytest.fixture
def bunri(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    monkeypatch.chdir(TESTS)  # where the fake engine is
    return Command(monkeypatch, capsys)


def test_run_and_predict(tmp_path: Path, bunri: Command) -> None:
    path = write_experiment(tmp_path, folds={"count": 2, "run": [1], "near_duplicates": False})
    code, out, err = bunri("run", path, "--dry-run")
    assert (code, err) == (0, "")
    assert out == f"train     {tmp_path}/runs/tiny/exact/fold1\n"

    code, out, err = bunri("run", path, "models.exact.stages=two")
    assert code == 0
    header, row = out.splitlines()
    assert header.split()[:2] == ["model", "stages"]
    assert row.split()[:3] == ["exact", "two", "1.0000"]
    assert "exact fold1: done" in err
    assert "framework talks" not in out + err

    code, out, err = bunri("run", path, "models.exact.stages=two", "--resume", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["rows"][0]["model"] == "exact"

    code, _, err = bunri("run", path)
    assert code == 2
    assert err.startswith("error: exact fold1 has been trained already")

    code, out, _ = bunri("predict", tmp_path / "runs/tiny/exact", tmp_path / "photos.json", "--out", tmp_path / "p.csv")
    assert (code, out) == (0, f"18 boxes on 18 photos: {tmp_path}/p.csv\n")
    assert len(read_predictions(tmp_path / "p.csv", load_dataset(tmp_path / "photos.json"))) == 18


def test_a_dry_run_shows_what_the_sampler_does(tmp_path: Path, bunri: Command) -> None:
    path = write_experiment(tmp_path, recipe={"sampler": {"repeat_factor_threshold": 0.01}})
    code, out, err = bunri("run", path, "--dry-run", "--json")
    assert (code, len(json.loads(out)["runs"])) == (0, 2)
    assert err.splitlines() == [
        "sampler of exact (repeat_factor_threshold 0.01) on what fold 0 learns from:",
        "class  boxes  share  sampled  share",
        "Paper      2  33.3%      2.0  33.3%",
        "Metal      2  33.3%      2.0  33.3%",
        "Glass      2  33.3%      2.0  33.3%",
        "an epoch is 1 times as long: 6.0 images in place of 6",
        "warning: this repeat-factor threshold changes nothing: every class is on a larger share of the images",
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["recipe.optimizer.learning_rate=1"], "recipe.optimizer.learning_rate: unknown key"),
        (["models.exakt.stages=one"], "no entry is called 'exakt'; did you mean 'exact'?"),
        (["models.exact.set.stepz=1"], "stepz: unknown key; did you mean 'steps'?"),
        (["folds.count=1"], "folds.count"),
    ],
)
def test_mistakes_end_with_2_before_anything_is_trained(
    tmp_path: Path, arguments: list[str], words: str, bunri: Command
) -> None:
    code, out, err = bunri("run", write_experiment(tmp_path), *arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert not list(tmp_path.glob("runs/tiny/exact/**/manifest.json"))


def test_wrong_data_ends_with_3(tmp_path: Path, bunri: Command) -> None:
    path = write_experiment(tmp_path)
    (tmp_path / "photos.json").write_text('{"images": [')
    code, out, err = bunri("run", path)
    assert (code, out) == (3, "")
    assert "photos.json" in err


def test_engines_are_listed_with_what_is_missing(bunri: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    states = [
        EngineState("torchvision", "/env/python", {"torch": "2.14.1"}, None, "BSD-3-Clause"),
        EngineState("other", "/other/python", {"torch": None}, "bunri engines install other", "AGPL-3.0", "read it"),
    ]
    monkeypatch.setattr(catalogue, "engine_states", lambda: states)
    code, out, err = bunri("engines")
    assert code == 0
    assert [line.split()[:2] for line in out.splitlines()[1:]] == [["torchvision", "ready"], ["other", "missing"]]
    assert [line.split()[-1] for line in out.splitlines()[1:]] == ["BSD-3-Clause", "AGPL-3.0"]
    assert err == "other: read it\ninstall other: bunri engines install other\n"
    listed = json.loads(bunri("engines", "list", "--json")[1])["engines"]
    assert [(state["name"], state["ready"]) for state in listed] == [("torchvision", True), ("other", False)]


def test_engines_are_installed_and_their_licences_told_first(
    tmp_path: Path, bunri: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[list[str], Path | None]] = []

    def install(names: list[str], into: Path | None, say: Callable[[str], None]) -> None:
        asked.append((names, into))
        say("installing ...")

    monkeypatch.setattr(installing, "install", install)
    monkeypatch.setattr(
        catalogue, "engine_state", lambda name: EngineState(name, "/env/python", {name: "8.4.190"}, None, "AGPL-3.0")
    )
    code, out, err = bunri("engines", "install", "ultralytics", "--into", tmp_path / "env")
    assert (code, out) == (0, "ultralytics is installed: ultralytics 8.4.190; /env/python\n")
    assert asked == [(["ultralytics"], tmp_path / "env")]
    licence, step, next_step = err.splitlines()
    assert licence.startswith("ultralytics: licence AGPL-3.0; copyleft")
    assert (step, next_step) == ("installing ...", "prove it: bunri engines check ultralytics")


def test_an_engine_is_checked_by_a_small_training(bunri: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def prove(engine: str) -> Proof:
        return Proof(engine, (2.5, 1.25), 7, 3.0)

    monkeypatch.setattr(proving, "prove", prove)
    code, out, err = bunri("engines", "check", "torchvision")
    assert (code, out) == (0, "torchvision works: losses 2.500 1.250, 7 boxes, 3.0 seconds\n")
    assert err == "torchvision: a small training ...\n"


@pytest.mark.parametrize(
    "arguments",
    [["check"], ["check", "torchvison"], ["install"], ["install", "torchvison"], ["list", "--into", "there"]],
)
def test_engines_to_check_or_install_must_be_named(bunri: Command, arguments: list[Any]) -> None:
    code, out, err = bunri("engines", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
