import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import bunri
from builders import make_dataset, make_predictions, random_world
from bunri.errors import DataError
from bunri.notebook import show
from bunri.search import EnsembleRecipe
from bunri.shown import PICTURES
from io_builders import write_photo

EVIL = "<script>alert(1)</script>"


def shown(thing: object) -> str:
    text = thing._repr_html_()  # type: ignore[attr-defined]
    assert isinstance(text, str)
    return text


def cells(text: str) -> list[str]:
    return re.findall(r"<t[dh][^>]*>([^<]*)</t[dh]>", text)


def test_a_data_set_shows_its_classes_and_photos(tmp_path: Path) -> None:
    write_photo(tmp_path / "0001.jpg", size=(100, 80))
    text = shown(make_dataset(image_folder=tmp_path))
    assert "Dataset: 1 images, 1 boxes, 3 classes" in text
    assert cells(text)[3:6] == ["Paper", "1", "100.0%"]
    assert text.count("<image ") == 1
    assert 'x="10.0" y="10.0" width="40.0" height="40.0"' in text


def test_a_data_set_without_photos_shows_its_classes(tmp_path: Path) -> None:
    for dataset in (make_dataset(), make_dataset(image_folder=tmp_path)):
        assert "Paper" in shown(dataset)
        assert "<image " not in shown(dataset)


def test_predictions_show_scores_and_classes() -> None:
    text = shown(make_predictions([(1, 0, 0.9, (0, 0, 5, 5)), (1, 2, 0.04, (0, 0, 5, 5))], seen=[1, 2, 3]))
    assert "Predictions model: 2 boxes on 3 images" in text
    found = cells(text)
    assert found[found.index("≥ 0.01") + 1] == "2"
    assert found[found.index("≥ 0.05") + 1] == "1"


def test_an_evaluation_and_a_comparison() -> None:
    dataset, (first, second) = random_world()
    evaluation, comparison = bunri.evaluate(first, dataset), bunri.compare(first, second, dataset, resamples=50)
    assert f"mAP50 {evaluation.mAP50:.3f}" in shown(evaluation)
    assert f"{evaluation.AP50['class1']:.3f}" in cells(shown(evaluation))
    assert f"member0 minus member1: {comparison.difference:+.4f}, {comparison.verdict}" in shown(comparison)


def test_a_search_and_its_recipe() -> None:
    dataset, members = random_world(images=12)
    result = bunri.search(members, dataset, folds=2, resamples=20)
    assert f"Ensemble: mAP50 {result.score:.4f}" in shown(result)
    assert result.recipe.members[0] in cells(shown(result.recipe))


def test_a_class_without_boxes_has_a_dash() -> None:
    assert "–" in cells(shown(bunri.evaluate(make_predictions(), make_dataset())))


def test_texts_are_escaped(tmp_path: Path) -> None:
    write_photo(tmp_path / "0001.jpg", size=(100, 80))
    dataset = make_dataset(class_names=(EVIL, "b", "c"), image_folder=tmp_path)
    predictions = make_predictions(name=EVIL)
    recipe = EnsembleRecipe(members=(EVIL,), weights=(1.0,), min_score=(0.0,))
    things = (dataset, predictions, bunri.evaluate(predictions, dataset), recipe, show(dataset, predictions))
    for thing in things:
        assert "<script" not in shown(thing)
        assert "&lt;script&gt;" in shown(thing)


def test_photos_side_by_side(tmp_path: Path) -> None:
    for number in (1, 2):
        write_photo(tmp_path / f"{number:04d}.jpg", seed=number, size=(1000, 800))
    dataset = make_dataset(
        [(1, 0, (100, 100, 500, 500)), (2, 1, (0, 0, 10, 10))], width=1000, height=800, image_folder=tmp_path
    )
    members = [
        make_predictions([(1, 0, s, (100, 100, 500, 500))], seen=[1], name=n) for n, s in (("a", 0.9), ("b", 0.2))
    ]
    text = shown(show(dataset, *members))
    assert re.findall(r"<figcaption[^>]*>([^<]*)<", text) == ["0001.jpg", "a", "b"]  # the second was not looked at
    assert text.count("<rect ") == 2  # the truth and a; b is below the score
    assert 'viewBox="0 0 1000 800"' in text
    assert "Paper 0.90" in text
    assert re.findall(r"<figcaption[^>]*>([^<]*)<", shown(show(dataset, image_ids=[2]))) == ["0002.jpg"]
    with pytest.raises(DataError, match="not in the data set"):
        show(dataset, image_ids=[77])


def test_everything_shown_is_there() -> None:
    code = "import bunri, sys; bunri.load_dataset; print([m for m in sys.modules if 'notebook' in m or m == 'PIL'])"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "[]\n"
    assert set(PICTURES) >= {"Dataset", "Predictions", "Evaluation", "EnsembleRecipe"}


def test_pictures_are_for_jupyter_too(tmp_path: Path) -> None:
    write_photo(tmp_path / "0001.jpg", size=(100, 80))
    formatter = pytest.importorskip("IPython.core.formatters").HTMLFormatter()
    assert formatter(show(make_dataset(image_folder=tmp_path))).startswith("<div")
    assert json.dumps(formatter(make_predictions()))
    assert np.isfinite(len(formatter(make_dataset())))
