"""Detectron2's LazyConfigs: loaded, overridden, checked, written as text, and pointed at our data."""

import json
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bunri.engines.detectron2.lazy_checks import Node, nodes, override_mistakes, target_name, tree_mistakes
from bunri.engines.detectron2.native import TRAIN, VAL, Given, TimmWeights, common_refusals
from bunri.errors import ConfigError
from bunri.events import Note
from bunri.recipe import Recipe
from bunri.settings import all_mistakes

LOADER = "build_detection_train_loader"
OURS = ("_target_", "dataset", "mapper", "sampler", "total_batch_size", "aspect_ratio_grouping", "num_workers")
"""Arguments of Detectron2's loader that we give; further ones are passed on."""

MASKS_OF_MAPPER = ("use_instance_mask", "use_keypoint", "keypoint_hflip_indices", "recompute_boxes")
"""Arguments of Detectron2's mapper that want more than boxes."""

_LOADER_PACKAGE = re.compile(r"detectron2\._cfg_loader\w{4}\.")


def read_lazy(path: Path, overrides: Mapping[str, Any]) -> tuple[str, "LazyModel"]:
    """A LazyConfig: its text before the overrides, and the model with them.

    Raises:
        ConfigError: It cannot be loaded, has keys that nothing takes, or cannot run here.
    """
    from detectron2.config import LazyConfig

    cfg = _load(path)
    tree = plain(cfg)
    mistakes = [*(f"{path}: {line}" for line in tree_mistakes(tree)), *override_mistakes(tree, overrides)]
    if mistakes:
        raise all_mistakes(str(path), mistakes)
    before = lazy_text(cfg)
    try:
        LazyConfig.apply_overrides(cfg, [f"{key}={json.dumps(value)}" for key, value in overrides.items()])
    except Exception as error:  # hydra's and omegaconf's errors have no common base
        raise ConfigError(f"set: {error}") from error
    mistakes = list(tree_mistakes(plain(cfg)))
    if mistakes:
        raise all_mistakes(f"{path} with overrides", mistakes)
    return before, LazyModel(cfg)


def _load(path: Path) -> Any:
    from detectron2.config import LazyConfig

    try:
        cfg = LazyConfig.load(str(path))
    except Exception as error:  # a config is a program: it may raise anything
        raise ConfigError(f"the model config {path} must load, but: {type(error).__name__}: {error}") from error
    if not isinstance(plain(cfg), Mapping):
        raise ConfigError(f"the model config {path} must be a mapping of keys")
    return cfg


def plain(cfg: Any) -> Any:
    """A config as dicts and lists, interpolations as they are written."""
    from omegaconf import OmegaConf, SCMode

    return OmegaConf.to_container(cfg, resolve=False, structured_config_mode=SCMode.INSTANTIATE)


def lazy_text(cfg: Any) -> str:
    """A config as Detectron2 saves it, the same on every call.

    Raises:
        ConfigError: It holds what no file can name, so that nobody could load it again.
    """
    from detectron2.config import LazyConfig

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.yaml"
        LazyConfig.save(cfg, str(file))
        text = file.read_text() if file.exists() else ""
        readable = bool(text) and not (Path(folder) / "config.yaml.pkl").exists()
    own = _LOADER_PACKAGE.search(text)
    if not readable or own:
        raise ConfigError(
            "a LazyConfig must be loadable from its saved text, but it holds a function that is defined in the config "
            "itself, or a lambda. Put it into a module beside the config file and import it."
        )
    return text


class LazyModel:
    """A LazyConfig and what Detectron2 makes of it; see :class:`bunri.engines.detectron2.native.NativeModel`."""

    def __init__(self, cfg: Any) -> None:
        self.text, self.cfg = lazy_text(cfg), cfg
        loading = cfg.dataloader.train
        if target_name(loading).rsplit(".", 1)[-1] != LOADER:
            raise ConfigError(f"dataloader.train must be detectron2.data.{LOADER}, but it is {target_name(loading)}")
        self.checkpoint_period = int(self._train("checkpointer.period", 5000))
        self.log_period = int(self._train("log_period", 20))
        self.batch_size, self.iterations = int(loading.total_batch_size), int(self._train("max_iter", 90000))
        self.weights, self.amp = str(self._train("init_checkpoint", "") or ""), bool(self._train("amp.enabled", False))
        self.repeat_threshold = 0.0
        self.groups_by_shape = bool(loading.get("aspect_ratio_grouping", True))

    def _train(self, key: str, default: Any) -> Any:
        from omegaconf import OmegaConf

        return OmegaConf.select(self.cfg, f"train.{key}", default=default)

    def point_at(self, given: Given) -> list[Note]:
        """Put data and recipe into the config."""
        loading = self.cfg.dataloader
        notes = self._boxes_only()
        if loading.train.get("num_workers", 0) != given.loader_workers:
            notes.append(Note(f"dataloader.train.num_workers gives way to loader_workers {given.loader_workers}"))
        changes = {
            "dataloader.train.total_batch_size": given.batch_size,
            "dataloader.train.num_workers": given.loader_workers,
            "train.max_iter": given.iterations,
            "train.eval_period": given.validate_every,
            "train.output_dir": str(given.folder),
            "train.device": given.device,
            "train.seed": given.seed,
            "train.amp.enabled": given.amp(self.amp),
        }
        for part, name in (("train", TRAIN), ("test", VAL)):
            if "names" in (loading[part].get("dataset") or {}):
                changes[f"dataloader.{part}.dataset.names"] = name
        self._set(changes | dict.fromkeys(self._class_counts(), given.classes))
        return notes

    def _set(self, changes: Mapping[str, Any]) -> None:
        from omegaconf import OmegaConf

        for place, value in changes.items():
            OmegaConf.update(self.cfg, place, value, merge=True)

    def _class_counts(self) -> list[str]:
        """Places of every number of classes outside of the backbone; interpolated ones follow."""
        found = nodes(plain(self.cfg.model), "model")
        return [
            f"{place}.num_classes"
            for place, node in found
            if isinstance(node.get("num_classes"), int) and ".backbone" not in place
        ]

    def _boxes_only(self) -> list[Note]:
        """Take out the heads of masks and key points, and what the mapper makes for them."""
        mapper, heads = self.cfg.dataloader.train.mapper, self.cfg.model.get("roi_heads") or {}
        for key in set(mapper) & set(MASKS_OF_MAPPER):
            mapper.pop(key)
        own = [key for key in heads if key.startswith(("mask_", "keypoint_"))]
        for key in own:
            heads.pop(key)
        return [Note(f"model.roi_heads: {', '.join(own)} are taken out: boxes only")] if own else []

    def timm_weights(self) -> list[TimmWeights]:
        """Of its timm backbones."""
        return [TimmWeights(str(node.get("name")), node["weights"]) for _, node in self._timm() if node.get("weights")]

    def _timm(self) -> list[Node]:
        found = nodes(plain(self.cfg.model), "model")
        return [(place, node) for place, node in found if target_name(node).endswith(".TimmBackbone")]

    def without_backbone_weights(self) -> None:
        """A checkpoint comes."""
        self._set({f"{place}.weights": None for place, _ in self._timm()})

    def refusals(self, recipe: Recipe) -> list[str]:
        """What of a recipe cannot be honoured with this config."""
        refused = common_refusals(recipe)
        if not recipe.says("sampler") and self.cfg.dataloader.train.get("sampler") is not None:
            refused.append(
                "sampler: dataloader.train.sampler of the config cannot be resumed in place; say recipe.sampler"
            )
        return refused

    def save(self, folder: Path) -> None:
        """Write the config as it runs."""
        from detectron2.config import LazyConfig

        folder.mkdir(parents=True, exist_ok=True)
        LazyConfig.save(self.cfg, str(folder / "config.yaml"))

    def build_model(self) -> Any:
        """The detector, on its device."""
        from detectron2.config import instantiate

        return instantiate(self.cfg.model).to(self.cfg.train.device)

    def build_optimizer(self, model: Any) -> Any:
        """The config's own optimizer over a model's parameters."""
        from detectron2.config import instantiate

        self.cfg.optimizer.params.model = model
        return instantiate(self.cfg.optimizer)

    def ddp_arguments(self) -> dict[str, Any]:
        """What the config says of training in several processes (``train.ddp``)."""
        return dict(plain(self._train("ddp", {}) or {}))

    def mapper(self, training: bool) -> Any:
        """The config's own mapper."""
        from detectron2.config import instantiate

        loading = self.cfg.dataloader
        return instantiate(loading.train.mapper if training else loading.test.mapper)

    def loader_arguments(self) -> dict[str, Any]:
        """Further arguments the config has for the loader."""
        return {key: value for key, value in plain(self.cfg.dataloader.train).items() if key not in OURS}
