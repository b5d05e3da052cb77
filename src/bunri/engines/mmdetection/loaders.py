"""The data loaders of a config over our data set; what wraps the native data set stays where the recipe allows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bunri.engines.base import Photos
from bunri.engines.mmdetection import pipelines
from bunri.engines.mmdetection.pipelines import kind
from bunri.engines.process_group import world_size
from bunri.recipe import Recipe

MIXING = "MultiImageMixDataset"
REPEATING = ("RepeatDataset", "ClassBalancedDataset")


@dataclass
class Notes:
    """What was left out of a native config, in sentences."""

    sentences: list[str] = field(default_factory=list)

    def add(self, sentence: str) -> None:
        """Remember a sentence once."""
        if sentence not in self.sentences:
            self.sentences.append(sentence)


def mistakes(values: Mapping[str, Any]) -> list[str]:
    """What a config lacks of its data loaders."""
    found = []
    for name in ("train_dataloader", "val_dataloader"):
        dataset = (values.get(name) or {}).get("dataset")
        if not isinstance(dataset, Mapping) or not innermost(dataset).get("pipeline"):
            found.append(f"{name}: must have a data set with a pipeline; its paths and classes are set by bunri")
    if (values.get("train_dataloader") or {}).get("num_batch_per_epoch") is not None:
        found.append("train_dataloader.num_batch_per_epoch: an epoch is as long as the data; remove it")
    return found


def innermost(dataset: Mapping[str, Any]) -> Mapping[str, Any]:
    """The native data set below its wrappers; of several joined ones the first."""
    while True:
        inner = dataset.get("dataset") or (dataset.get("datasets") or [None])[0]
        if not isinstance(inner, Mapping):
            return dataset
        dataset = inner


def all_transforms(dataset: Mapping[str, Any], place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Transforms of a native data set and its wrappers, with their dotted keys."""
    for index, transform in enumerate(dataset.get("pipeline") or ()):
        yield f"{place}.pipeline.{index}", transform
    if isinstance(dataset.get("dataset"), Mapping):
        yield from all_transforms(dataset["dataset"], f"{place}.dataset")
    for index, inner in enumerate(dataset.get("datasets") or ()):
        yield from all_transforms(inner, f"{place}.datasets.{index}")


def test_pipeline(values: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """How the config prepares photos for prediction."""
    pipeline: Sequence[Mapping[str, Any]] = innermost(values["val_dataloader"]["dataset"])["pipeline"]
    return pipeline


def loads_float32(pipeline: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a pipeline loads photos as floats."""
    return any(transform.get("to_float32", False) for transform in pipeline if kind(transform) in pipelines.LOADERS)


def batch_size(values: Mapping[str, Any], recipe: Recipe) -> int:
    """Photos in a batch, of all processes together: of the recipe, else of the config, which has them for one."""
    return recipe.batch_size if recipe.says("batch_size") else int(values["train_dataloader"].get("batch_size", 1))


def training_loader(
    values: Mapping[str, Any], photos: Photos, recipe: Recipe, workers: int, notes: Notes
) -> dict[str, Any]:
    """The training loader over our photos."""
    native = values["train_dataloader"]
    dataset, repeated = _training_set(native["dataset"], photos, recipe, test_pipeline(values), notes)
    if native.get("batch_sampler"):
        notes.add(
            f"train_dataloader.batch_sampler: {kind(native['batch_sampler'])} gives way to bunri's order of photos"
        )
    threshold = None if repeated else recipe.sampler.repeat_factor_threshold
    return {
        **_loader(native, workers),
        "batch_size": batch_size(values, recipe) // world_size(),
        "dataset": {"type": "PlacedPhotos", "dataset": dataset},
        "sampler": {"type": "PlacesSampler", "repeat_factor_threshold": threshold},
    }


def validation_loader(values: Mapping[str, Any], photos: Photos, workers: int) -> dict[str, Any]:
    """The validation loader: each photo alone, so that what is found on it does not depend on its neighbours."""
    pipeline = test_pipeline(values)
    return {
        **_loader(values["val_dataloader"], workers),
        "batch_size": 1,
        "dataset": {**_photos(photos, pipeline, ()), "test_mode": True},
        "sampler": {"type": "AllPhotos"},
    }


def _loader(native: Mapping[str, Any], workers: int) -> dict[str, Any]:
    kept = {key: native[key] for key in ("collate_fn", "pin_memory") if key in native}
    return {**kept, "num_workers": workers, "persistent_workers": workers > 0}


def _photos(photos: Photos, pipeline: Sequence[Mapping[str, Any]], augment: Sequence[Any]) -> dict[str, Any]:
    return {
        "type": "RunPhotos",
        "annotations": str(photos.annotations.absolute()),
        "images": str(photos.images.absolute()),
        "augment": list(augment),
        "to_float32": loads_float32(pipeline),
        "pipeline": pipelines.without_loading(pipeline),
    }


def _training_set(
    dataset: Mapping[str, Any],
    photos: Photos,
    recipe: Recipe,
    test: Sequence[Mapping[str, Any]],
    notes: Notes,
) -> tuple[dict[str, Any], bool]:
    """Our photos below the native wrappers, and whether these repeat photos."""
    wrappers, pipeline = _wrappers(dataset, recipe, notes), list(innermost(dataset)["pipeline"])
    if recipe.says("augment"):
        pipeline += [step for wrapper in _all_wrappers(dataset) for step in wrapper.get("pipeline", ())]
        pipeline, gone = pipelines.without_chance(pipeline, test)
        if gone:
            notes.add(f"recipe.augment replaces the native pipeline's {', '.join(gone)}")
    inner = _photos(photos, pipeline, recipe.augment)
    for wrapper in reversed(wrappers):
        inner = {**wrapper, "dataset": inner}
    return inner, any(kind(wrapper) in REPEATING for wrapper in wrappers)


def _wrappers(dataset: Mapping[str, Any], recipe: Recipe, notes: Notes) -> list[Mapping[str, Any]]:
    """Wrappers that stay, the outermost first."""
    kept = []
    for wrapper in _all_wrappers(dataset):
        name = kind(wrapper)
        if name == "ConcatDataset":
            continue
        if name in REPEATING and (recipe.says("sampler") or (name == "RepeatDataset" and recipe.says_length)):
            notes.add(f"train_dataloader: {name} gives way to the recipe's sampler and length")
        elif name == MIXING and recipe.says("augment"):
            notes.add(f"recipe.augment replaces {name} and its pipeline")
        else:
            kept.append(wrapper)
    return kept


def _all_wrappers(dataset: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Every wrapper, the outermost first, each without what it wraps."""
    found: list[Mapping[str, Any]] = []
    while True:
        inner = dataset.get("dataset") or (dataset.get("datasets") or [None])[0]
        if not isinstance(inner, Mapping):
            return found
        found.append({key: value for key, value in dataset.items() if key not in ("dataset", "datasets")})
        dataset = inner
