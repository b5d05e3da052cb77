"""Detectron2's yacs configs: read, overridden, checked, and pointed at our data."""

from collections.abc import Iterator, Mapping
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import yaml

from bunri.engines.detectron2.limits import yacs_limits
from bunri.engines.detectron2.native import TRAIN, VAL, Given, TimmWeights, common_refusals, schedule_notes
from bunri.engines.detectron2.yacs_files import YacsFile, read_chain, unknown_keys
from bunri.errors import ConfigError
from bunri.events import Note
from bunri.files import write_text
from bunri.recipe import Recipe
from bunri.settings import all_mistakes, nearest

ORDERED_SAMPLERS = ("TrainingSampler", "RepeatFactorTrainingSampler")
"""Samplers of Detectron2 whose exposure our order has."""


_REFUSED = (ValueError, KeyError, AssertionError, TypeError)
"""What yacs raises for a key or a value it does not take."""


def known_tree() -> Any:
    """Detectron2's defaults with the keys of our timm backbone."""
    from detectron2.config import get_cfg

    from bunri.engines.detectron2.backbones import add_timm_config

    cfg = get_cfg()
    add_timm_config(cfg)
    return cfg


def read_yacs(path: Path, overrides: Mapping[str, Any]) -> tuple[str, "YacsModel"]:
    """A yacs config: its text before the overrides, and the model with them.

    Raises:
        ConfigError: Unknown keys and values of a wrong type, each with its file; or what cannot run here.
    """
    chain = read_chain(path)
    mistakes = [line for file in chain for line in _mistakes_of(file)] + list(_override_mistakes(overrides))
    if mistakes:
        raise all_mistakes(str(path), mistakes)
    cfg = known_tree()
    for file in chain:
        _merge(cfg, file.values)
    before = text_of(cfg)
    _apply(cfg, overrides)
    mistakes = list(yacs_limits(cfg))
    if mistakes:
        raise all_mistakes(str(path), mistakes)
    return before, YacsModel(cfg)


def _apply(cfg: Any, overrides: Mapping[str, Any]) -> None:
    for dotted, value in overrides.items():
        *places, key = dotted.split(".")
        node = reduce(getitem, places, cfg)
        if _takes_any(node):
            node.setdefault(key, value)  # merging alone adds no key
        try:
            cfg.merge_from_list([dotted, value])
        except _REFUSED as error:
            raise ConfigError(f"set: {dotted}: {error}") from error


def _merge(cfg: Any, values: Mapping[str, Any]) -> None:
    cfg.merge_from_other_cfg(type(cfg)(dict(values)))


class _WithoutAliases(yaml.SafeDumper):
    """Writes a list in full wherever it stands, so that a text read and written again is the same."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def text_of(cfg: Any) -> str:
    """The whole of a yacs config, with every default."""
    return str(yaml.dump(yaml.safe_load(cfg.dump()), Dumper=_WithoutAliases, allow_unicode=True))


def _mistakes_of(file: YacsFile) -> Iterator[str]:
    tree = known_tree()
    unknown = [f"{file.path}: {line}" for line in unknown_keys(file.values, tree)]
    yield from unknown
    if not unknown:
        try:
            _merge(tree, file.values)
        except _REFUSED as error:
            yield f"{file.path}: {error}"


def _override_mistakes(overrides: Mapping[str, Any]) -> Iterator[str]:
    for dotted in overrides:
        place: Any = known_tree()
        for key in dotted.split("."):
            if not isinstance(place, Mapping):
                yield f"set: {dotted}: there is nothing below a value"
                break
            if key not in place and not _takes_any(place):
                yield f"set: {dotted}: unknown key {key!r}{nearest(key, list(place))}"
                break
            place = place.get(key)
        else:
            if isinstance(place, Mapping) and not _takes_any(place):
                yield f"set: {dotted}: holds keys; set one of {', '.join(sorted(place))}"


def _takes_any(node: Any) -> bool:
    return bool(node.is_new_allowed())


class YacsModel:
    """A yacs config and what Detectron2 makes of it; see :class:`bunri.engines.detectron2.native.NativeModel`."""

    def __init__(self, cfg: Any) -> None:
        self.text = text_of(cfg)
        self.cfg = _scaled_to_one_process(cfg)
        self.checkpoint_period = int(cfg.SOLVER.CHECKPOINT_PERIOD)
        self.log_period = 20
        self.batch_size, self.iterations = int(self.cfg.SOLVER.IMS_PER_BATCH), int(self.cfg.SOLVER.MAX_ITER)
        self.weights, self.amp = str(cfg.MODEL.WEIGHTS), bool(cfg.SOLVER.AMP.ENABLED)
        loading = cfg.DATALOADER
        repeats = loading.SAMPLER_TRAIN == "RepeatFactorTrainingSampler"
        self.repeat_threshold = float(loading.REPEAT_THRESHOLD) if repeats else 0.0
        self.groups_by_shape = bool(loading.ASPECT_RATIO_GROUPING)

    def point_at(self, given: Given) -> list[Note]:
        """Put data and recipe into the config."""
        cfg, recipe = self.cfg, given.recipe
        said = [f"MODEL.{key} is set to False: boxes only" for key in ("MASK_ON", "KEYPOINT_ON") if cfg.MODEL[key]]
        workers = cfg.DATALOADER.NUM_WORKERS
        if workers != given.loader_workers:
            said.append(f"DATALOADER.NUM_WORKERS {workers} gives way to loader_workers {given.loader_workers}")
        changes = {
            "DATASETS.TRAIN": (TRAIN,),
            "DATASETS.TEST": (VAL,),
            "DATALOADER.FILTER_EMPTY_ANNOTATIONS": False,
            "DATALOADER.NUM_WORKERS": given.loader_workers,
            "MODEL.MASK_ON": False,
            "MODEL.KEYPOINT_ON": False,
            "MODEL.ROI_HEADS.NUM_CLASSES": given.classes,
            "MODEL.RETINANET.NUM_CLASSES": given.classes,
            "MODEL.DEVICE": given.device,
            "SOLVER.IMS_PER_BATCH": given.batch_size,
            "SOLVER.MAX_ITER": given.iterations,
            "SOLVER.REFERENCE_WORLD_SIZE": 0,  # the batch is that of the run, in however many processes
            "SOLVER.AMP.ENABLED": given.amp(self.amp),
            "TEST.EVAL_PERIOD": given.validate_every,
            "TEST.DETECTIONS_PER_IMAGE": max(int(cfg.TEST.DETECTIONS_PER_IMAGE), recipe.max_boxes),
            "TEST.EXPECTED_RESULTS": [],
            "OUTPUT_DIR": str(given.folder),
            "SEED": given.seed,
        }
        if recipe.says("clip_norm"):
            changes["SOLVER.CLIP_GRADIENTS.ENABLED"] = (
                False  # theirs clips each tensor, the recipe all of them together
            )
        cfg.merge_from_list([part for item in changes.items() for part in item])
        steps = cfg.SOLVER.STEPS if cfg.SOLVER.LR_SCHEDULER_NAME == "WarmupMultiStepLR" else ()
        notes = [Note(sentence) for sentence in said]
        return notes + schedule_notes(recipe, given.iterations, steps, cfg.SOLVER.WARMUP_ITERS)

    def timm_weights(self) -> list[TimmWeights]:
        """Of its timm backbone."""
        timm = self.cfg.MODEL.TIMM
        return [TimmWeights(timm.NAME, timm.WEIGHTS)] if timm.WEIGHTS else []

    def without_backbone_weights(self) -> None:
        """A checkpoint comes."""
        self.cfg.MODEL.TIMM.WEIGHTS = ""

    def refusals(self, recipe: Recipe) -> list[str]:
        """What of a recipe cannot be honoured with this config."""
        refused, loading = common_refusals(recipe), self.cfg.DATALOADER
        if not recipe.says("sampler") and loading.SAMPLER_TRAIN not in ORDERED_SAMPLERS:
            refused.append(
                f"sampler: DATALOADER.SAMPLER_TRAIN {loading.SAMPLER_TRAIN} cannot be resumed in place; "
                f"say recipe.sampler, or one of {', '.join(ORDERED_SAMPLERS)} in the config"
            )
        if not recipe.says("sampler") and self.repeat_threshold > 0 and not loading.REPEAT_SQRT:
            refused.append("sampler: DATALOADER.REPEAT_SQRT must be True; say recipe.sampler, or leave the key out")
        return refused

    def save(self, folder: Path) -> None:
        """Write the config as it runs."""
        write_text(folder / "config.yaml", text_of(self.cfg))

    def build_model(self) -> Any:
        """The detector, on its device."""
        from detectron2.modeling import build_model

        return build_model(self.cfg)

    def mapper(self, training: bool) -> Any:
        """Detectron2's mapper."""
        from detectron2.data import DatasetMapper

        return DatasetMapper(self.cfg, training)

    def loader_arguments(self) -> dict[str, Any]:
        """Yacs configs have no further arguments of the loader."""
        return {}


def _scaled_to_one_process(cfg: Any) -> Any:
    """Batch, rate and lengths for one process, where the config names the number of processes it was written for."""
    from detectron2.engine import DefaultTrainer

    return DefaultTrainer.auto_scale_workers(cfg, 1).clone()


def check_text(text: str) -> Any:
    """The tree of a config's full text.

    Raises:
        ConfigError: It is not one.
    """
    cfg = known_tree()
    try:
        _merge(cfg, yaml.safe_load(text))
    except _REFUSED as error:
        raise ConfigError(f"the resolved config must be Detectron2's, but: {error}") from error
    return cfg
