"""What a path on the command line stands for: a run, the runs of a model, or an ensemble with its members."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bunri.dataset import Dataset, Images, no_annotations
from bunri.engines.exported.files import spec_file_of
from bunri.engines.exported.session import ExportedRun
from bunri.errors import DataError, UsageError
from bunri.fuse import one_of_several
from bunri.predictions import Predictions
from bunri.run_folder import RunFolder, begun_runs
from bunri.search import EnsembleRecipe, apply_recipe, read_recipe


@dataclass(frozen=True)
class TrainedModel:
    """Runs that look at a photo, and how what they find becomes one.

    Attributes:
        name: Of the model, or ``ensemble``.
        members: The runs of each member by name; several are trainings of one model on other folds or seeds.
        recipe: How members become one; None where there is only one member.
    """

    name: str
    members: Mapping[str, tuple[RunFolder, ...]]
    recipe: EnsembleRecipe | None = None

    @property
    def runs(self) -> list[RunFolder]:
        """All runs, member by member."""
        return [run for runs in self.members.values() for run in runs]

    def classes(self) -> Dataset:
        """A data set without images that has the classes all runs were trained on.

        Raises:
            DataError: A manifest does not say, or two runs do not agree.
        """
        first, *others = (classes_of_run(run) for run in self.runs)
        for run, other in zip(self.runs[1:], others, strict=True):
            if other.class_names != first.class_names:
                raise DataError(
                    f"all members must have the same classes, but {self.runs[0].path} has {first.class_names} "
                    f"and {run.path} has {other.class_names}"
                )
        return first

    def joined(self, found: Sequence[Predictions]) -> Predictions:
        """What all runs found, in the order of :attr:`runs`, as one."""
        parts, members = iter(found), dict[str, Predictions]()
        for name, runs in self.members.items():
            members[name] = one_of_several(name, [next(parts) for _ in runs])
        if self.recipe is None:
            return members[self.name]
        return apply_recipe(self.recipe, members)


def trained_model(
    path: Path, folders: Mapping[str, Path] | None = None, folds: Sequence[int] | None = None
) -> TrainedModel:
    """The model of a run folder, a model's folder, an experiment's folder, the recipe of an ensemble or an export.

    Args:
        path: A folder, an export, or ``recipe.json`` of an experiment's ensemble or of ``bunri search``.
        folders: For a recipe, the folder of members by name; the others are looked for beside the recipe.
        folds: Only trainings on these folds look at photos; None takes all.

    Raises:
        UsageError: There is no trained run, or a member of the recipe has none.
        DataError: The recipe cannot be read, or not be applied to the classes of its members.
    """
    if (export := spec_file_of(path)) is not None:
        run = ExportedRun(export)
        name = str(run.read_manifest()["model"])
        return TrainedModel(name, {name: (run,)})
    recipe = path if path.is_file() else path / "ensemble" / "recipe.json"
    if recipe.is_file():
        model = _ensemble(recipe, folders or {})
    elif folders:
        raise UsageError(f"--member goes with the recipe of an ensemble, but {path} is none")
    else:
        model = _several_trainings(path)
    return model if folds is None else _on_folds(model, folds)


def _several_trainings(path: Path) -> TrainedModel:
    runs = runs_below(path)
    models = sorted({str(run.read_manifest("model")["model"]) for run in runs})
    if len(models) > 1:
        raise UsageError(
            f"{path} must be of one model or have ensemble/recipe.json, but it has runs of {', '.join(models)}. "
            "Name the folder of one of them, or a recipe."
        )
    return TrainedModel(models[0], {models[0]: tuple(runs)})


def _ensemble(path: Path, folders: Mapping[str, Path]) -> TrainedModel:
    recipe = read_recipe(path)
    strangers = sorted(set(folders) - set(recipe.members))
    if strangers:
        raise UsageError(
            f"--member must name a member of the recipe ({', '.join(recipe.members)}), but got {strangers[0]}"
        )
    members = {name: tuple(runs_below(folders.get(name) or _beside(path, name))) for name in recipe.members}
    model = TrainedModel("ensemble", members, recipe)
    _try_recipe(path, model)
    return model


def _try_recipe(path: Path, model: TrainedModel) -> None:
    """Apply the recipe to one box of every class: better refused now than when all members have looked at the photos.

    Raises:
        DataError: It cannot be applied.
    """
    classes = np.arange(len(model.classes().class_names))
    box = Predictions(
        0 * classes, classes, np.full(len(classes), 0.5), np.tile((0.0, 0.0, 32.0, 32.0), (len(classes), 1))
    )
    try:
        model.joined([box] * len(model.runs))
    except DataError as error:
        raise DataError(f"the recipe {path} must be one that can be applied to its members, but: {error}") from error


def _beside(recipe: Path, name: str) -> Path:
    """The folder of a member beside the recipe, or beside the ``ensemble`` folder it lies in."""
    places = [folder / name for folder in (recipe.absolute().parent, recipe.absolute().parent.parent)]
    for place in places:
        if place.is_dir():
            return place
    raise UsageError(
        f"the runs of the member {name} must be beside the recipe, but neither {places[0]} nor {places[1]} is a "
        f"folder. Say where they are with --member {name}=FOLDER."
    )


def _on_folds(model: TrainedModel, folds: Sequence[int]) -> TrainedModel:
    members = {
        name: tuple(run for run in runs if run.read_manifest().get("fold") in folds)
        for name, runs in model.members.items()
    }
    for name, runs in members.items():
        if not runs:
            there = sorted({str(run.read_manifest().get("fold")) for run in model.members[name]})
            raise UsageError(
                f"--fold must be one that {name} was trained on ({', '.join(there)}), but got {list(folds)}"
            )
    return dataclasses.replace(model, members=members)


def runs_below(path: Path) -> list[RunFolder]:
    """The run of a run folder, or all runs of a model's or an experiment's folder that are done.

    Raises:
        UsageError: There is none.
    """
    found = begun_runs(path)
    given_up = {_model_of(run) for run in found if run.status == "stopped_early"}
    done = [run for run in found if run.status == "done" and _model_of(run) not in given_up]
    if given_up and not done:
        raise UsageError(
            f"{path} must be of a model that has been trained to its end, but {', '.join(sorted(given_up))} was "
            "stopped early. Train it to the end with `bunri run EXPERIMENT --resume early_stopping=null`, or name one "
            "of its runs that is done."
        )
    if not done:
        raise UsageError(
            f"{path} must be the folder of a run, a model or an experiment that has been trained, "
            f"but {len(found)} runs are in it and none is done. `bunri run EXPERIMENT --resume` ends what was begun."
        )
    return done


def _model_of(run: RunFolder) -> str:
    return str(run.read_manifest().get("model"))


def classes_of_run(run: RunFolder) -> Dataset:
    """A data set without images that has the classes a run was trained on.

    Raises:
        DataError: The manifest does not say.
    """
    manifest = run.read_manifest("class_names", "category_ids")
    none = np.empty(0, np.int64)
    images = Images(none, (), none, none)
    try:
        return Dataset(tuple(manifest["class_names"]), np.array(manifest["category_ids"]), images, no_annotations())
    except DataError as error:
        raise DataError(
            f"{run.manifest_file} must name classes, each with an id, but: {error}. Train again."
        ) from error
