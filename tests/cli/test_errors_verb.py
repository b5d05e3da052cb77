import json
from pathlib import Path

import pytest

from builders import random_world
from bunri.cli import build_app
from bunri.errors import DataError
from bunri.io import write_coco, write_predictions


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    dataset, members = random_world(1, images=12)
    write_coco(dataset, tmp_path / "truth.json")
    for k, member in enumerate(members):
        write_predictions(member, tmp_path / f"model{k}.parquet", dataset)
    return tmp_path


def call(*arguments: object) -> None:
    build_app()([str(argument) for argument in arguments], standalone_mode=False)


def test_tables_for_every_member(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call("errors", folder / "model0.parquet", folder / "model1.parquet", "--truth", folder / "truth.json")
    text = capsys.readouterr().out
    assert text.startswith("model0\nmAP50 0.")
    assert "\nmodel1\nmAP50 0." in text
    for word in ("mAP50 lost", "background", "small", "8 and more", "calibration error", "doubtful label"):
        assert word in text


def test_json_is_one_object_by_member(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call("errors", folder / "model0.parquet", "--truth", folder / "truth.json", "--doubtful", 3, "--json")
    values = json.loads(capsys.readouterr().out)["model0"]
    assert len(values["doubtful_labels"]) == 3
    assert set(values["lost"]) == {"class", "place", "both", "duplicate", "background", "missed"}


def test_pictures_without_photos_are_refused(folder: Path) -> None:
    with pytest.raises(DataError, match="must be a whole image file"):
        call("errors", folder / "model0.parquet", "--truth", folder / "truth.json", "--draw", folder / "out")
