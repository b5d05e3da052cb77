import json
import shutil
from pathlib import Path

import pytest

from bunri.eda import look_at
from bunri.errors import ConfigError, DataError, UsageError
from eda.eda_builders import render_data, write_experiment, write_two_folds


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("eda")
    write_two_folds(root, render_data(root))
    write_experiment(root)
    return root


def test_everything_is_looked_at(root: Path) -> None:
    facts = look_at(root / "data" / "train.json", folds=[root / "folds"], experiment=root / "experiment.yaml")
    assert facts.missing == {}
    assert facts.title == "data/train"
    assert (facts.labels.images, facts.labels.empty) == (10, 0)
    assert facts.photos is not None
    assert facts.photos.photos == 10
    assert facts.photos.brightness.counts.sum() == 10
    shown = {row.name for row in facts.labels.classes if row.boxes}
    assert set(facts.photos.samples) == shown
    assert facts.folds is not None
    assert sum(fold.images for fold in facts.folds.folds) == 10
    assert (facts.folds.in_two, facts.folds.in_none, facts.folds.duplicates_apart) == (0, 0, 0)


def test_the_first_model_that_augments_is_shown(root: Path) -> None:
    facts = look_at(root / "data" / "train.json", experiment=root / "experiment.yaml")
    assert facts.augmented is not None
    assert facts.augmented.models == ("flipped", "yolo")
    assert facts.augmented.transforms == ("HorizontalFlip", "RandomRotate90")
    assert len(facts.augmented.variants) == 8
    sizes = {(variant.width, variant.height) for variant in facts.augmented.variants}
    assert sizes == {(256, 192), (192, 256)}  # some are turned
    original = facts.augmented.original
    assert all(len(variant.boxes) == len(original.boxes) for variant in facts.augmented.variants)
    assert [sizes.name for sizes in facts.resized] == ["256×192", "480x700", "640"]


def test_a_model_by_name(root: Path) -> None:
    facts = look_at(root / "data" / "train.json", experiment=root / "experiment.yaml", model="plain")
    assert facts.augmented is None
    assert "plain must have transforms" in facts.missing["augmented"]
    assert [sizes.name for sizes in facts.resized] == ["256×192"]


def test_without_photos_the_labels_are_still_looked_at(root: Path, tmp_path: Path) -> None:
    shutil.copy(root / "data" / "train.json", tmp_path)
    facts = look_at(tmp_path / "train.json", folds=[root / "folds"], sizes=["320"])
    assert facts.photos is None
    assert set(facts.missing) == {"photos", "resized_objects", "augmented"}
    assert "--images DIR" in facts.missing["photos"]
    assert facts.folds is not None
    assert facts.folds.duplicates_apart is None
    assert [sizes.name for sizes in facts.resized] == ["320"]
    assert facts.to_dict()["near_duplicate_photos"] is None


def test_a_test_set_has_no_boxes_and_is_looked_at(root: Path, tmp_path: Path) -> None:
    content = json.loads((root / "data" / "train.json").read_text())
    path = tmp_path / "test.json"
    path.write_text(json.dumps({key: content[key] for key in ("images", "categories")}))
    facts = look_at(path, root / "data", experiment=root / "experiment.yaml")
    assert (facts.labels.boxes, facts.labels.empty) == (0, 10)
    assert facts.photos is not None
    assert facts.photos.samples == {}
    assert facts.resized_objects == ()
    assert facts.augmented is not None
    assert facts.augmented.original.boxes == ()


def test_photos_that_are_broken_or_absent_are_counted_and_left_out(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "data", tmp_path / "data")
    names = [image["file_name"] for image in json.loads((tmp_path / "data" / "train.json").read_text())["images"]]
    (tmp_path / "data" / names[0]).write_bytes(b"no photo")
    (tmp_path / "data" / names[1]).unlink()
    photos = look_at(tmp_path / "data" / "train.json").photos
    assert photos is not None
    assert (photos.photos, photos.missing, photos.unreadable) == (8, 1, (names[0],))


def test_near_duplicates_and_folds_that_tear_them_apart(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "data", tmp_path / "data")
    folds = [json.loads((root / "folds" / f"fold{k}_val.json").read_text()) for k in (0, 1)]
    ours, theirs = (fold["images"][0]["file_name"] for fold in folds)
    shutil.copy(tmp_path / "data" / ours, tmp_path / "data" / theirs)
    facts = look_at(tmp_path / "data" / "train.json", folds=[root / "folds"])
    assert facts.photos is not None
    assert (facts.photos.duplicate_groups, facts.photos.duplicate_photos) == (1, 2)
    assert {tile.text for tile in facts.photos.duplicates[0]} == {ours, theirs}
    assert facts.folds is not None
    assert facts.folds.duplicates_apart == 1


def test_images_in_two_folds_and_in_none(root: Path) -> None:
    fold = root / "folds" / "fold0_val.json"
    facts = look_at(root / "data" / "train.json", folds=[fold, fold])
    assert facts.folds is not None
    assert facts.folds.in_two == facts.folds.folds[0].images
    assert facts.folds.in_none == 10 - facts.folds.in_two


def test_wrong_use_is_told(root: Path, tmp_path: Path) -> None:
    annotations, experiment = root / "data" / "train.json", root / "experiment.yaml"
    with pytest.raises(UsageError, match="is not a folder"):
        look_at(annotations, root / "nowhere")
    with pytest.raises(UsageError, match="give the file too"):
        look_at(annotations, model="flipped")
    with pytest.raises(UsageError, match="did you mean 'flipped'"):
        look_at(annotations, experiment=experiment, model="fliped")
    with pytest.raises(UsageError, match="two at least"):
        look_at(annotations, folds=[root / "folds" / "fold0_val.json"])
    with pytest.raises(UsageError, match=r"fold0_val\.json"):
        look_at(annotations, folds=[tmp_path])
    with pytest.raises(DataError, match="Give the annotations the folds were cut from"):
        look_at(root / "data" / "test.json", folds=[root / "folds"])
    with pytest.raises(DataError, match="data set"):
        look_at(root / "nowhere.json")


def test_a_transform_that_is_not_there_is_no_page(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root, tmp_path / "copy")
    path = tmp_path / "copy" / "experiment.yaml"
    path.write_text(path.read_text().replace("RandomRotate90", "RandomRotat90"))
    with pytest.raises(ConfigError, match="RandomRotate90"):
        look_at(root / "data" / "train.json", experiment=path)
