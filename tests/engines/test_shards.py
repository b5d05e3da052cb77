"""Every engine trains and predicts from tar shards, and behind a URL, bit for bit as from the folder."""

from pathlib import Path

import numpy as np
import pytest

from builders import assert_same_predictions
from bunri.dataset import Dataset
from bunri.engines.catalogue import engine_state
from bunri.io import read_predictions
from bunri.shards import write_shards
from engine_jobs import Followed, awkward_dataset, built_in_engines, follow, make_engine_job

RECIPE = {
    "epochs": 1,
    "batch_size": 2,
    "validate_every": 1,
    "augment": [{"HorizontalFlip": {"p": 0.5}}],
    "score_floor": 0.0005,
}


def trained(engine: str, folder: Path, dataset: Dataset, images: Path) -> Followed:
    assert dataset.image_folder is not None
    photos = {"annotations": dataset.image_folder / "data.json", "images": images}
    job = make_engine_job(
        engine, folder, dataset, RECIPE, train=photos, val=photos, predict={"val": photos}, loader_workers=1
    )
    run = follow(job)
    assert run.ended.status == "done", (run.ended.message, run.log[-4000:])
    return run


@pytest.mark.parametrize("engine", built_in_engines())
def test_training_from_shards_gives_the_bits_of_the_folder(engine: str, tmp_path: Path) -> None:
    state = engine_state(engine)
    if not state.ready:
        pytest.skip(f"{engine} is not installed: {state.install}")
    dataset = awkward_dataset(tmp_path / "photos")
    shards = tmp_path / "shards"
    write_shards([(name, dataset.path_of(row)) for row, name in enumerate(dataset.images.file_name)], shards, 5000)
    places = {"folder": tmp_path / "photos", "tars": shards / "*.tar", "url": Path(f"file://{shards}/*.tar")}
    runs = {name: trained(engine, tmp_path / name, dataset, images) for name, images in places.items()}
    losses = {name: run.values("train/loss") for name, run in runs.items()}
    assert losses["folder"]
    assert losses["folder"] == losses["tars"] == losses["url"]
    found = [read_predictions(run.job.folder.predictions_file("val"), dataset) for run in runs.values()]
    assert np.count_nonzero(found[0].score)
    for other in found[1:]:
        assert_same_predictions(found[0], other)
