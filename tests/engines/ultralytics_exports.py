"""A scene of :mod:`ultralytics_inside`: exports of every kind of head, and what Ultralytics itself finds."""

import copy
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bunri.engines.base import ExportWish, Job
from bunri.engines.exported.model import ExportedModel
from bunri.engines.predicting import Found, Photo
from bunri.engines.ultralytics.config import resolve
from bunri.files import write_json
from bunri.io import load_dataset
from bunri.photos import read_photo
from export_specs import RECIPE, spec_of

HEADS: Mapping[str, tuple[list[Any], dict[str, Any]]] = {
    "many": (["Detect", ["nc"]], {"iou": 0.5}),
    "many_across_classes": (["Detect", ["nc"]], {"agnostic_nms": True}),
    "one_to_one": (["v10Detect", ["nc"]], {"nms": False}),
    "one_to_one_across_classes": (["v10Detect", ["nc"]], {"nms": False, "agnostic_nms": True}),
    "transformer": (["RTDETRDecoder", ["nc", 32, 20, 4, 4, 2, 64]], {}),
}
"""By name the last layer and arguments of Ultralytics."""

SCALES = (1.0, 1.5)


def scene_exports(job: Job, folder: Path) -> Any:
    """By head what the finder finds, and what the export finds with the module that is traced in place of its trace."""
    assert job.val is not None
    dataset = load_dataset(job.val.annotations, job.val.images)
    photos = [read_photo(dataset.path_of(row)) for row in range(len(dataset))]
    return {name: _of_head(*HEADS[name], photos, folder / name) for name in HEADS}


def _of_head(head: list[Any], says: Mapping[str, Any], photos: list[Photo], folder: Path) -> Any:
    from bunri.engines.ultralytics.exporting import export_model

    config, model = _spread(head, says, folder)
    args = config.args | {"conf": RECIPE.score_floor, "max_det": 300, "plots": False}
    find = _finder(copy.deepcopy(model), args, config.stages == "transformer", folder)
    wish = ExportWish(format="onnx", folder=folder)
    networks = export_model(copy.deepcopy(model), args, config.stages == "transformer", RECIPE, wish)
    write_json(folder / "export.json", networks.model_dump(mode="json"))
    eager = ExportedModel(spec_of(networks, "onnx"), {"network": _untraced(model, args, config.stages)})
    return {
        "theirs": [[_plain(found) for found in find(photos, scale)] for scale in SCALES],
        "ours": [[_plain(found) for found in eager(photos, scale)] for scale in SCALES],
        "folder": str(folder),
    }


def _spread(head: list[Any], says: Mapping[str, Any], folder: Path) -> Any:
    """A small model whose scores differ from box to box, as a trained one's do."""
    import torch
    import yaml

    from bunri.engines.ultralytics.engine import _random_model
    from ultralytics_inside import TINY

    folder.mkdir(parents=True)
    layers = copy.deepcopy(TINY) | {"head": [[[2, 3, 4], 1, *head]]}
    (folder / "u.yaml").write_text(yaml.safe_dump({"model": layers, "imgsz": 64, **says}))
    config = resolve(folder / "u.yaml", {})[0]
    torch.manual_seed(3)
    model = _random_model(config, 3)
    for parameter in filter(_is_learned, model.parameters()):
        if parameter.ndim > 1:
            torch.nn.init.kaiming_normal_(parameter.detach(), nonlinearity="relu")
        else:
            parameter.detach().uniform_(-1, 1)
    return config, model.eval()


def _is_learned(parameter: Any) -> bool:
    return bool(parameter.requires_grad)  # bins of distances are fixed


def _finder(model: Any, args: Mapping[str, Any], is_transformer: bool, folder: Path) -> Any:
    import torch

    from bunri.engines.ultralytics.inference import UltralyticsFinder

    device = torch.device("cpu")
    return UltralyticsFinder(model, {**args, "device": "cpu"}, device, is_transformer, folder / "native")


def _untraced(model: Any, args: Mapping[str, Any], stages: str) -> Any:
    import torch

    from bunri.engines.ultralytics.exporting import DecodedNetwork
    from bunri.engines.ultralytics.inference import open_head

    open_head(model, SimpleNamespace(**args))
    module = DecodedNetwork(model, stages == "transformer")

    def network(inputs: Mapping[str, Any]) -> dict[str, Any]:
        with torch.inference_mode():
            boxes, scores = module(torch.from_numpy(inputs["images"]))
        return {"boxes": boxes.numpy(), "scores": scores.numpy()}

    return network


def _plain(found: Found) -> dict[str, Any]:
    return {"box": found.box_xyxy.tolist(), "label": found.class_index.tolist(), "score": found.score.tolist()}
