"""Built models: what they start from, what is told of them, and checkpoints put into them."""

from typing import Any

import torch

from bunri.engines import checkpoint
from bunri.engines.base import Job
from bunri.engines.checkpoint import Identity
from bunri.engines.detectron2.backbones import TimmBackbone
from bunri.engines.detectron2.native import NativeModel, given_to, open_floor
from bunri.engines.detectron2.run import Run
from bunri.engines.detectron2.solving import restore_normalizers
from bunri.engines.detectron2.weights import load_weights
from bunri.engines.process_group import bare
from bunri.events import Facts, Note, Resumed


def prepare_to_train(run: Run, trainer: Any) -> None:
    """Load the weights to start from into a trainer's model, open its floor, and tell what it is."""
    model = bare(trainer.model)
    open_floor(model, run.recipe)
    facts = {"stages": stages_of(model), "optimizer": type(trainer.optimizer).__name__}
    if run.stored is None:
        facts["weights"] = _start(model, run.native)
    run.emit(Facts({**facts, "parameters": sum(parameter.numel() for parameter in model.parameters())}))
    for note in normalising_notes(model):
        run.emit(note)


def _start(model: Any, native: NativeModel) -> str:
    backbones = [module for module in model.modules() if isinstance(module, TimmBackbone)]
    if backbones and not native.weights:
        return backbones[0].origin
    return load_weights(model, native.weights)


def restore(run: Run, trainer: Any) -> None:
    """Put the checkpoint a run goes on from into its trainer."""
    if run.stored is None:
        return
    model = bare(trainer.model)
    model.load_state_dict(run.stored["model"])
    trainer.load_state_dict(run.stored["trainer"])
    restore_normalizers(model, run.stored["normalizers"])
    run.emit(Resumed(run.done))


def model_to_predict(job: Job, native: NativeModel, class_names: tuple[str, ...]) -> Any:
    """The model of the job's checkpoint, else of the run's best one.

    Raises:
        DataError: The checkpoint is absent, broken, of another model, or of other classes.
    """
    path = job.checkpoint or job.folder.checkpoint_file("best")
    stored = checkpoint.load(path, Identity.of(native.text, class_names))
    native.point_at(given_to(job, len(class_names), job.recipe))
    native.without_backbone_weights()
    model = native.build_model()
    model.load_state_dict(stored["model"])
    open_floor(model, job.recipe)
    return model


def stages_of(model: Any) -> str:
    """``two`` where boxes are proposed first, else ``one``."""
    return "two" if hasattr(model, "roi_heads") else "one"


def normalising_notes(model: Any) -> list[Note]:
    """A warning where a pretrained timm backbone gets photos normalised in another way than it was made for."""
    backbones = [module for module in model.modules() if isinstance(module, TimmBackbone) and module.is_pretrained]
    is_rgb = getattr(model, "input_format", "RGB") in ("RGB", None)
    given = [model.pixel_mean.flatten(), model.pixel_std.flatten()]
    return [Note(_AS_MADE.format(*_rounded(b)), "warning") for b in backbones if not (is_rgb and _fits(b, given))]


_AS_MADE = (
    "the backbone's weights were made for RGB photos of mean {0} and deviation {1}, but the config normalises in "
    "another way: set the input format, the pixel mean and the pixel deviation to these"
)


def _fits(backbone: TimmBackbone, given: list[torch.Tensor]) -> bool:
    wanted = [torch.tensor(backbone.mean), torch.tensor(backbone.std)]
    return all(torch.allclose(w, g.cpu(), atol=1.0) for w, g in zip(wanted, given, strict=True))


def _rounded(backbone: TimmBackbone) -> list[list[float]]:
    return [[round(value, 3) for value in values] for values in (backbone.mean, backbone.std)]
