import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from bunri.cli import main
from io_builders import Change, write_coco_json, write_photo

CSV = "PredictionString,image_id\n0 0.9 1 2 30 40 1 0.3 5 5 9 9,0001.jpg\n1 0.6 2 2 20 20,0002.jpg\n"


def _run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Run the command in this process and give its exit code."""
    monkeypatch.setattr(sys, "argv", ["bunri", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


def _data(folder: Path, change: Change = lambda coco: None) -> tuple[Path, Path]:
    """COCO JSON with photos, and a submission on it."""
    write_photo(folder / "0001.jpg", seed=1, size=(100, 80))
    write_photo(folder / "0002.jpg", seed=2, size=(60, 40))
    (folder / "swin.csv").write_text(CSV)
    return write_coco_json(folder, change), folder / "swin.csv"


def test_doctor_of_sound_data_ends_with_0(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    coco, _ = _data(tmp_path)
    assert _run(monkeypatch, "doctor", coco) == 0
    assert "2 images, 2 boxes" in capsys.readouterr().out


def test_doctor_of_data_that_breaks_training_ends_with_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    coco, _ = _data(tmp_path, lambda coco: [box.update(image_id=99) for box in coco["annotations"]])
    assert _run(monkeypatch, "doctor", coco, "--places", 1) == 3
    text = capsys.readouterr().out
    assert "[breaks training] box without an image: 2 (remove it or add the image)" in text
    assert "annotations[0].image_id 99\n  ... and 1 more" in text
    assert _run(monkeypatch, "doctor", coco, "--json") == 3
    assert json.loads(capsys.readouterr().out)["findings"][0]["count"] == 2


def test_doctor_without_photos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    coco = write_coco_json(tmp_path, lambda coco: coco.pop("annotations"))
    assert _run(monkeypatch, "doctor", coco) == 3
    assert _run(monkeypatch, "doctor", coco, "--no-photos") == 0
    text = capsys.readouterr().out
    assert "2 images, 0 boxes\n\n[info] no boxes at all: 1 (right for a test set" in text


def test_split_writes_folds_and_a_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    coco, _ = _data(tmp_path)
    assert _run(monkeypatch, "split", coco, "--folds", 2, "--out", tmp_path / "folds") == 0
    assert "Paper" in capsys.readouterr().out
    assert len(list((tmp_path / "folds").iterdir())) == 4
    assert _run(monkeypatch, "split", coco, "--folds", 2, "--out", tmp_path / "folds", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["images"] == [1, 1]
    assert facts["classes"]["Metal"] == {"boxes": [0, 0], "deviation": None}  # its only box is a crowd region
    assert len(facts["files"]) == 4


def test_split_says_that_there_are_no_photos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    coco = write_coco_json(tmp_path)
    assert _run(monkeypatch, "split", coco, "--folds", 2, "--out", tmp_path / "folds") == 0
    assert "near-duplicates are not looked for" in capsys.readouterr().err


def test_pseudo_keeps_every_confident_box(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    coco, csv = _data(tmp_path)
    out = tmp_path / "pseudo.json"
    assert _run(monkeypatch, "pseudo", csv, "--images", coco, "--min-score", 0.3, "--out", out, "--json") == 0
    assert json.loads(capsys.readouterr().out)["boxes"] == 3
    annotations = json.loads(out.read_text())["annotations"]
    assert [(box["image_id"], box["category_id"], box["score"]) for box in annotations] == [
        (7, 90, 0.9),
        (7, 5, 0.3),
        (3, 5, 0.6),
    ]
    assert {box["origin"] for box in annotations} == {"swin"}


def test_submit_drops_boxes_below_the_floor_and_keeps_every_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    coco, csv = _data(tmp_path)
    csv.write_text("\n".join(CSV.splitlines()[:2]))
    out = tmp_path / "submission.csv"
    assert _run(monkeypatch, "submit", csv, "--images", coco, "--out", out, "--min-score", 0.5) == 0
    captured = capsys.readouterr()
    assert "1 boxes in 2 rows, read back equal" in captured.out
    assert "warning: 1 of 2 images were not looked at" in captured.err
    assert out.read_text() == "PredictionString,image_id\n0 0.9 1.0 2.0 30.0 40.0,0001.jpg\n,0002.jpg\n"


def test_convert_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    coco, csv = _data(tmp_path)
    assert _run(monkeypatch, "convert", csv, tmp_path / "swin.parquet", "--images", coco) == 0
    assert _run(monkeypatch, "convert", tmp_path / "swin.parquet", tmp_path / "again.csv", "--images", coco) == 0
    assert (tmp_path / "again.csv").read_text().count("0.9 1.0 2.0 30.0 40.0") == 1
    assert _run(monkeypatch, "convert", coco, tmp_path / "yolo") == 0
    assert (tmp_path / "yolo" / "data.yaml").is_file()


def test_photos_of_a_shard_are_those_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    coco, _ = _data(tmp_path)
    shards = tmp_path / "shards"
    assert _run(monkeypatch, "shard", coco, "--out", shards, "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"photos": 2, "shards": 1, "images": str(shards / "*.tar")}
    outcomes = list[tuple[int, str, bytes]]()
    for images in (tmp_path, shards / "*.tar", shards / "000000.tar", f"file://{shards}/*.tar"):
        code, told = _run(monkeypatch, "doctor", coco, "--images", images, "--json"), capsys.readouterr().out
        assert _run(monkeypatch, "eda", coco, "--images", images, "--out", tmp_path / "eda.html") == 0
        outcomes.append((code, told, (tmp_path / "eda.html").read_bytes()))
    assert outcomes[0][0] == 0
    assert outcomes == outcomes[:1] * 4
    assert _run(monkeypatch, "shard", coco, "--out", shards) == 2
    assert "there is something at" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("doctor",), 2, "Missing argument"),
        (("submit", "nope.csv", "--images", "coco.json"), 3, "nope.csv: No such file"),
        (("submit", "swin.txt", "--images", "coco.json"), 2, "ends in .parquet, .csv, .json, but got swin.txt"),
        (("submit", "swin.csv", "--images", "nope.json"), 3, "nope.json: No such file"),
        (("submit", "swin.csv", "--images", "coco.json", "--out", "coco.json/s.csv"), 1, "must be writable"),
        (("split", "coco.json", "--folds", "1", "--out", "folds"), 2, "folds must be at least 2"),
        (("split", "coco.json", "--folds", "9", "--out", "folds"), 3, "as many groups of images as folds, but 2 < 9"),
        (("split", "coco.json", "--group", "where", "--out", "folds"), 2, "there are: split"),
    ],
)
def test_a_mistake_is_one_line_and_its_exit_code(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: Sequence[str],
    code: int,
    message: str,
) -> None:
    _data(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert _run(monkeypatch, *arguments) == code
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""
    assert not (tmp_path / "folds").exists()


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys, bunri.cli.data; "
        "sys.exit(any(name in sys.modules for name in ('torch', 'numba', 'polars', 'sklearn', 'scipy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_eda_writes_a_page_and_says_what_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    coco, _ = _data(tmp_path)
    out = tmp_path / "pages" / "eda.html"
    assert _run(monkeypatch, "eda", coco, "--out", out, "--size", 640, "--json") == 0
    printed = capsys.readouterr()
    facts = json.loads(printed.out)
    assert (facts["page"], facts["images"], facts["boxes"]) == (str(out), 2, 1)
    assert facts["thinner_than"] == {"640": {"8": 0, "16": 0, "32": 0}}
    assert "left out: folds must be there" in printed.err
    assert out.read_text().startswith("<!doctype html>")


def test_eda_of_wrong_data_and_wrong_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    coco, _ = _data(tmp_path)
    out = tmp_path / "eda.html"
    assert _run(monkeypatch, "eda", tmp_path / "nothing.json", "--out", out) == 3
    assert _run(monkeypatch, "eda", coco, "--size", "large", "--out", out) == 2
    assert "--size must be" in capsys.readouterr().err
    assert not out.exists()
