"""What the Ultralytics engine does within the framework; see :mod:`ultralytics_inside`, where it is played."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bunri.engines.catalogue import engine_state
from bunri.engines.process import Worker, interpreter_of
from bunri.events import Ended
from bunri.files import read_json, write_text
from engine_jobs import awkward_dataset, make_engine_job

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What all scenes found, played in one worker."""
    state = engine_state("ultralytics")
    if not state.ready:
        pytest.skip(f"ultralytics is not installed: {state.install}")
    folder = tmp_path_factory.mktemp("inside")
    dataset = awkward_dataset(folder / "photos")
    job = make_engine_job("ultralytics", folder, dataset, {}, tasks=("train",), python_path=[HERE, HERE.parent])
    job = job.model_copy(update={"engine": "ultralytics_inside:Inside"})
    write_text(job.folder.job_file, job.model_dump_json())
    with Worker(job.folder.job_file, job.folder.log_file, interpreter_of("ultralytics")) as worker:
        *_, ended = worker.events()
    assert isinstance(ended, Ended)
    assert ended.status == "done", (ended.message, job.folder.log_file.read_text()[-4000:])
    found = read_json(job.run_folder / "inside.json", "the scenes")
    found["photos"] = sorted(path.name for path in (folder / "photos").iterdir())
    found["log"] = job.folder.log_file.read_text()
    return found


def scene(inside: Any, name: str) -> Any:
    """What a scene found; one that failed shows where."""
    found = inside[name]
    assert not (isinstance(found, dict) and "failed" in found), found["failed"]
    return found


def test_nobody_is_looked_up_but_for_weights_the_config_names(inside: Any) -> None:
    assert inside["looked_up"]
    assert all("github" in host for host in inside["looked_up"])


def test_nothing_is_written_beside_the_photos(inside: Any) -> None:
    assert len(inside["photos"]) == 10
    assert {Path(name).suffix for name in inside["photos"]} == {".png", ".json"}


@pytest.mark.parametrize(
    ("name", "step"),
    [("resumption", 2), ("resumption_of_the_end_to_end_head", 2), ("resumption_of_the_transformer", 2)],
)
def test_a_stopped_training_ends_as_if_it_had_never_been_stopped(inside: Any, name: str, step: int) -> None:
    found = scene(inside, name)
    assert found["resumed"] == [step]
    assert found["numbers"] > 30
    assert found["differ"] == []
    assert found["same_weights"]
    assert found["again"] == [5 if name != "resumption_of_the_transformer" else 4]


def test_the_transformer_finds_boxes(inside: Any) -> None:
    assert scene(inside, "resumption_of_the_transformer")["boxes"] > 0


def test_the_plan_steps_where_ultralytics_itself_would(inside: Any) -> None:
    found = scene(inside, "own_words")
    assert found["plan"] == found["own_steps"]
    assert np.diff(found["plan"]).tolist() == sorted(
        np.diff(found["plan"])
    )  # the warm-up's first steps are of few batches
    assert found["plan"][0] == 0
    assert found["rates"] == pytest.approx(found["own_rates"])
    assert found["rates"][0] == 0.0  # Ultralytics' own warm-up begins there


def test_ultralytics_own_augmentation_repeats_itself_by_the_seed(inside: Any) -> None:
    found = scene(inside, "own_words")
    assert found["repeats"]
    assert found["depends_on_the_seed"]


def test_what_nobody_says_stays_as_the_config_says(inside: Any) -> None:
    found = scene(inside, "own_words")
    assert found["facts"]["optimizer"] == "SGD"
    assert found["facts"]["weights"] == "random"
    assert {key: found["args"][key] for key in ("lr0", "nbs", "batch", "mosaic", "warmup_epochs")} == {
        "lr0": 0.02,
        "nbs": 8,
        "batch": 2,
        "mosaic": 1.0,
        "warmup_epochs": 1.0,
    }


def test_the_config_as_it_ran_and_the_native_files_are_in_the_run(inside: Any) -> None:
    found = scene(inside, "own_words")
    assert found["files"] == [
        "checkpoints/best.pt",
        "checkpoints/last.pt",
        "native/args.yaml",
        "native/model.yaml",
        "native/results.csv",
        "native/weights/best.pt",
    ]
    names = {key.split(" ")[1] for key in found["native"]}
    assert {"native/metrics/mAP50(B)", "native/metrics/mAP50-95(B)", "native/val/box_loss", "native/fitness"} <= names


@pytest.mark.parametrize("family", ["yolo", "transformer"])
def test_prediction_sees_what_validation_saw(inside: Any, family: str) -> None:
    found = scene(inside, "validation_and_prediction")[family]
    assert found["boxes"] > 100
    assert found["differ"] < 1e-3  # pixels; batches of other sizes add in another order
    assert found["validated"] == pytest.approx(found["mAP50"], abs=1e-9)


def test_photos_come_in_the_recipes_order(inside: Any) -> None:
    found = scene(inside, "order")
    assert found["asked"] == found["expected"]


def test_the_average_is_the_recipes(inside: Any) -> None:
    assert scene(inside, "averages") == {"0.0": True, "0.5": False}


def test_any_optimizer_and_frozen_layers(inside: Any) -> None:
    found = scene(inside, "optimizers")
    assert found["optimizer"] == "Adagrad"
    assert found["frozen"]
    assert found["moved"]
    # warm-up over 100 iterations from 0.001: at step 5 of the constant schedule 0.001 + 0.999 * 4 / 100
    assert found["rates"]["5 lr/base"] == pytest.approx(0.01 * (0.001 + 0.999 * 0.04))
    assert found["rates"]["5 lr/model.1"] == pytest.approx(0.1 * found["rates"]["5 lr/base"])


def test_ultralytics_patience_ends_a_training_with_a_word_and_a_last_judgement(inside: Any) -> None:
    found = scene(inside, "patience")
    [note] = found["notes"]
    assert note == "patience: Ultralytics stopped at iteration 5 of 18"  # an epoch of nine photos in twos, of four
    assert found["validated"] == ["5 val/mAP50_95"]
    assert found["kept"] == ["best.pt", "last.pt"]


def test_telemetry_and_loggers_of_ultralytics_are_off(inside: Any) -> None:
    found = scene(inside, "integrations")
    assert found["on"] == []
    assert not found["telemetry"]
    assert found["modules"] == ["bunri.engines.ultralytics.training", "ultralytics.utils.callbacks.base"]


def test_a_loss_that_is_not_finite_ends_the_training(inside: Any) -> None:
    message = scene(inside, "losses_that_explode")
    assert message.startswith("EngineError: the loss must be finite, but at iteration")


def test_weights_are_read_without_running_them(inside: Any) -> None:
    found = scene(inside, "weights")
    assert found["plain"]
    assert found["native"].startswith("file best.pt: ")
    assert found["layers_and_weights"].startswith("file best.pt: ")
    assert found["layers_alone"] == "random"
    assert found["tensors"].startswith("file tensors.pt: ")
    assert found["of_bunri"].startswith("file best.pt: ")
    assert "tensors fit. Choose weights of the same architecture" in found["other_model"]
    assert "A file that needs other code is not loaded" in found["hostile"]
    assert "a stranger's code ran" not in inside["log"]
    assert "must be a local file or an asset of Ultralytics" in found["absent"]
    assert found["asset"].startswith("EngineError: pretrained: yolov8n.pt must be downloaded, but")
    assert "say `pretrained: false`" in found["asset"]
    assert "holds tensors only" in found["tensors_as_model"]


def test_checkpoints_that_do_not_fit_are_refused(inside: Any) -> None:
    found = scene(inside, "checkpoints")
    assert "is of another model: its config differs" in found["other_model"]
    assert "is of another model: its config differs" in found["resumed"]
    assert "best.pt is not there" in found["absent"]
    assert "must name its training images" in found["no_train"]
    assert found["without_val"] == ["best.pt", "last.pt"]


def test_a_config_is_resolved_whole(inside: Any) -> None:
    found = scene(inside, "configs")
    assert found["args"] == {"mosaic": 0.5, "imgsz": 64, "lr0": 0.001, "plots": False, "batch": 16}
    assert found["scale"] == "s"
    assert found["ignored"] == {"project": "here"}
    assert found["same_again"]
    assert found["changed"] == ["  scale: s", "mosaic: 0.5"]
    assert found["alone"] == "s"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("key", "mosiac: unknown key; did you mean 'mosaic'"),
        ("type", "'mosaic=x' is of invalid type"),
        ("imgsz", "large' is not a valid image size"),
        ("model", "'yolov8z.yaml' is neither a local file nor a detection model"),
        ("segments", "'yolov8n-seg.yaml' is neither a local file nor a detection model"),
        ("model_key", "bakbone: unknown key of a model; did you mean 'backbone'"),
        ("layer", "layer 'Convv' is unknown; did you mean 'Conv'"),
        ("place", "'99' must be a place in a list of 10"),
        ("no_keys", "'batch' holds no keys"),
        ("scale", "scale 'q' is unknown"),
        ("head", "must end in a layer that detects (Detect, v10Detect, RTDETRDecoder), but ends in Classify"),
        ("task", "task must be 'detect' here, but is 'segment'"),
        ("resume", "`bunri run --resume` goes on"),
        ("classes", "the classes are those of the data set"),
        ("cache", "writes files beside the photos"),
        ("devices", "device must be one device"),
        ("activation", "activation: must be a module of torch.nn with plain arguments, such as torch.nn.SiLU()"),
        ("no_layer", "layer 'Path' is unknown"),
        ("misfit", "model: its layers do not fit: IndexError"),
        ("address", "but is the address https://example.org/a.yaml"),
    ],
)
def test_mistakes_in_a_config_are_named(inside: Any, name: str, words: str) -> None:
    message = scene(inside, "configs")["mistakes"][name]
    assert message.startswith("ConfigError: ")
    assert words in message


def test_a_backbone_of_timm_is_a_layer(inside: Any) -> None:
    found = scene(inside, "a_backbone_of_timm")
    assert found["weights"] == "timm test_resnet: random"
    assert found["boxes"] > 0
    assert "`packaged` must go with tf_efficientnet_lite0" in found["wrong"]
    assert "timm has no 'test_resnett'; did you mean 'test_resnet'" in found["unknown"]
    assert found["without"] == [-1, 1, "TimmFeatures", ["test_resnet", None, [2, 3, 4]]]


def test_every_family_is_known_with_its_scales(inside: Any) -> None:
    found = scene(inside, "every_family")
    assert found["scales"] == {
        "yolov5n": "n",
        "yolov8s": "s",
        "yolo11m.yaml": "m",
        "yolo26n": "n",
        "yolov9c": None,
        "yolov10n": "n",
        "yolo12n": "n",
        "rtdetr-l": "l",
    }
    assert found["heads"]["rtdetr-l"] == "RTDETRDecoder"
    assert found["known"] > 60


def test_photos_of_any_shape_have_a_way_back(inside: Any) -> None:
    for height, width, size, box in scene(inside, "photos_that_are_odd"):
        assert all(side % 32 == 0 for side in size)
        assert box == pytest.approx([0, 0, width, height], abs=1e-3)
        assert all(math.isfinite(value) for value in box)
