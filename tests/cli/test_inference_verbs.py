"""`bunri predict` as a command: what goes in, what comes out, and what is refused before a model is loaded."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bunri.cli import main
from bunri.experiment import run
from bunri.io import load_dataset, read_predictions
from bunri.photos import photo_size
from experiment_files import TESTS, write_experiment, write_photo_of
from video_files import write_video

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the fake engine on one fold."""
    folder = tmp_path_factory.mktemp("trained")
    folds = {"count": 2, "run": [0], "near_duplicates": False}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(TESTS)
        return run(write_experiment(folder, folds=folds), ("writers.console=false",)).folder / "exact"


@pytest.fixture
def predict(trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """`bunri predict` with the model: exit code, stdout, stderr."""

    def command(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.chdir(TESTS)
        monkeypatch.setattr(sys, "argv", ["bunri", "predict", str(trained), *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return command


def test_photos_and_a_video_are_predicted_and_drawn(predict: Command, tmp_path: Path) -> None:
    write_photo_of(tmp_path / "in" / "a.bmp", 5)
    write_video(tmp_path / "in" / "walk.mp4", frames=5, rate=10)
    code, out, _ = predict(
        tmp_path / "in", "--every", 2, "--out", tmp_path / "p.json", "--draw", tmp_path / "drawn", "--json"
    )
    assert code == 0
    numbers = str(tmp_path / "p.images.json")
    assert json.loads(out) == {"photos": 4, "boxes": 4, "out": str(tmp_path / "p.json"), "images": numbers, "drawn": 4}
    drawn = sorted(str(path.relative_to(tmp_path / "drawn")) for path in (tmp_path / "drawn").rglob("*.*g"))
    frames = ["frame000000_0.000s.jpg", "frame000002_0.200s.jpg", "frame000004_0.400s.jpg"]
    assert drawn == [f"walk.mp4/{name}" for name in frames]
    assert photo_size(tmp_path / "drawn" / "walk.mp4" / frames[0]) == (64, 48)
    assert [record["image_id"] for record in json.loads((tmp_path / "p.json").read_text())] == [1, 2, 3, 4]
    seen = load_dataset(numbers)
    assert seen.images.file_name == ("a.bmp", *(f"walk.mp4/{name}" for name in frames))
    assert len(read_predictions(tmp_path / "p.json", seen)) == 4


def test_pictures_alone_are_enough(predict: Command, tmp_path: Path) -> None:
    write_photo_of(tmp_path / "a.bmp", 5)
    assert predict(tmp_path / "a.bmp", "--draw", tmp_path / "drawn")[:2] == (
        0,
        f"1 boxes on 1 photos: {tmp_path}/drawn\n",
    )


def test_broken_photos_end_it_or_are_left_out(predict: Command, tmp_path: Path) -> None:
    write_photo_of(tmp_path / "in" / "a.bmp", 5)
    (tmp_path / "in" / "b.jpg").write_bytes(b"")
    code, _, err = predict(tmp_path / "in", "--out", tmp_path / "p.csv")
    assert (code, "b.jpg" in err, "--skip-broken" in err) == (3, True, True)
    assert not (tmp_path / "p.csv").exists()
    code, out, err = predict(tmp_path / "in", "--out", tmp_path / "p.csv", "--skip-broken")
    assert (code, out) == (0, f"1 boxes on 1 photos: {tmp_path}/p.csv and {tmp_path}/p.images.json\n")
    assert f"left out: {tmp_path}/in/b.jpg" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "give --out FILE, --draw FOLDER or both"),
        (["--out", "p.xml"], "must"),
        (["--out", "p.csv", "--fold", "7"], "--fold must be one that exact was trained on (0)"),
        (["--out", "p.csv", "--member", "exact"], "--member must be NAME=FOLDER"),
        (["--out", "p.csv", "--member", "exact=runs"], "goes with the recipe"),
        (["--out", "p.csv", "--every", "0"], "--every"),
    ],
)
def test_wrong_use_is_told(predict: Command, tmp_path: Path, arguments: list[str], words: str) -> None:
    write_photo_of(tmp_path / "a.bmp", 5)
    code, out, err = predict(tmp_path / "a.bmp", *arguments)
    assert (code, out) == (2, "")
    assert words in err


@pytest.mark.parametrize("arguments", [["predict", "a.bmp", "--out", "p.csv"], ["serve", "--port", "0"]])
def test_a_recipe_of_another_format_ends_it_at_the_start(
    trained: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    one = {"members": ["exact"], "weights": [1.0], "min_score": [0.0], "method": "learned", "parameters": {"format": 1}}
    Path("recipe.json").write_text(json.dumps(one))
    verb, *rest = arguments
    monkeypatch.setattr(sys, "argv", ["bunri", verb, "recipe.json", *rest, "--member", f"exact={trained}"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 3
    assert "recipe.json must be one that can be applied to its members" in capsys.readouterr().err
