"""One training: what was asked, in what order photos come, what is kept. The loop is Detectron2's."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from detectron2.data import build_detection_train_loader
from torch.optim import Optimizer

from bunri.engines import checkpoint
from bunri.engines.base import Job
from bunri.engines.checkpoint import Identity
from bunri.engines.detectron2.judging import Judge
from bunri.engines.detectron2.loading import (
    AugmentedPhotos,
    Maker,
    MappedPhotos,
    OrderedPlaces,
    PlacedPhotos,
    QuietLoader,
    batches_by_shape,
    wide,
)
from bunri.engines.detectron2.native import TRAIN, NativeModel, given_to, recipe_in_full
from bunri.engines.detectron2.records import records_to_learn, register
from bunri.engines.detectron2.solving import RecipeSchedule, clipper, loss_normalizers
from bunri.engines.feeding import LearningPhotos, Lengths, Place, batches, load_photos, repeat_factors
from bunri.engines.process_group import bare, is_first, share, world_size
from bunri.errors import ConfigError
from bunri.events import Emit, Scalars
from bunri.optim import build_optimizer


class Run:
    """What Detectron2's trainer is given and asked for, and what becomes of it.

    Attributes:
        done: Iterations that are behind us.
        stored: The checkpoint the run goes on from, None at the start.
        judge: Judges the model while it trains, None without held-out photos.
    """

    def __init__(self, job: Job, native: NativeModel, emit: Emit) -> None:
        """Load the data and put it with the recipe into the config.

        Raises:
            ConfigError: The job names no training images.
            DataError: The data or the checkpoint to go on from is broken.
        """
        if job.train is None:
            raise ConfigError("train: a job that trains must name its training images")
        self.job, self.native, self.emit = job, native, emit
        self.train_set = load_photos(job.train)
        self.recipe = recipe_in_full(job.recipe, native)
        self.lengths = Lengths.of(self.train_set, self.recipe)
        self.identity = Identity.of(native.text, self.train_set.class_names)
        self.stored = self._stored()
        self.done = int(self.stored["iteration"]) if self.stored else 0
        self._point()
        self.judge = self._judge()

    def _stored(self) -> dict[str, Any] | None:
        path = self.job.folder.checkpoint_file("last")
        return checkpoint.load(path, self.identity) if self.job.resume and path.exists() else None

    def _point(self) -> None:
        given = given_to(self.job, len(self.train_set.class_names), self.recipe, self.lengths)
        for note in self.native.point_at(given):
            self.emit(note)
        given.folder.mkdir(parents=True, exist_ok=True)
        if is_first():
            self.native.save(given.folder)
        self._records = records_to_learn(self.train_set)
        register(TRAIN, self._records, self.train_set.class_names)

    def _judge(self) -> Judge | None:
        if self.job.val is None:
            return None
        folder = self.job.folder.native_folder
        judge = Judge(load_photos(self.job.val), self.native, self.recipe, folder, self.emit)
        judge.best = float(self.stored["best"]) if self.stored else -1.0
        return judge

    def loader(self) -> Any:
        """Detectron2's loader of the training photos that are still to come, in our order.

        In several processes each loads its share of every batch.
        """
        batch = self.recipe.batch_size
        loader = build_detection_train_loader(
            PlacedPhotos(self._maker(), len(self.train_set)),
            mapper=None,
            sampler=OrderedPlaces(self._shares, (self.lengths.total - self.done) * batch // world_size()),
            total_batch_size=batch,
            aspect_ratio_grouping=False,
            num_workers=self.job.loader_workers,
            **self.native.loader_arguments(),
        )
        return QuietLoader(loader)

    def _maker(self) -> Maker:
        mapper = self.native.mapper(training=True)
        if self.job.recipe.says("augment"):
            return AugmentedPhotos(self._records, LearningPhotos(self.train_set, self.recipe), mapper)
        return MappedPhotos(self._records, mapper)

    def _shares(self) -> Iterable[list[Place]]:
        return map(share, self._batches())

    def _batches(self) -> Iterable[list[Place]]:
        factors, first = repeat_factors(self.train_set, self.recipe), self.done
        count, seed = self.lengths.total - first, self.job.seed
        if self.native.groups_by_shape and not self.job.recipe.says("sampler"):
            return batches_by_shape(factors, wide(self.train_set), self.recipe, seed, first, count)
        return batches(factors, self.recipe, seed, first, count)

    def optimizer(self, model: Any, native: Callable[[], Optimizer]) -> Optimizer:
        """The recipe's optimizer where it says one, else the config's; gradients clipped where the recipe says so."""
        recipe = self.job.recipe
        optimizer = build_optimizer(model, recipe.optimizer) if recipe.says("optimizer") else native()
        if recipe.says("clip_norm") and recipe.clip_norm is not None:
            optimizer.register_step_pre_hook(clipper(recipe.clip_norm))
        return optimizer

    def schedule(self) -> RecipeSchedule | None:
        """The recipe's schedule where it says one."""
        says = self.job.recipe.says("schedule")
        return RecipeSchedule(self.recipe.schedule, self.lengths.total) if says else None

    def emit_scalars(self, values: Mapping[str, float]) -> None:
        """Numbers after the iterations that are done."""
        self.emit(Scalars(self.done, dict(values), self.done / self.lengths.epoch))

    def keep_best(self, model: Any) -> None:
        """Keep a model as the best."""
        if is_first():
            content = {"model": bare(model).state_dict(), "iteration": self.done}
            checkpoint.save(self.job.folder.checkpoint_file("best"), self.identity, content)

    def keep_last(self, model: Any, trainer_state: Mapping[str, Any]) -> None:
        """Keep all that a run needs to go on."""
        if not is_first():
            return
        content = {
            "model": bare(model).state_dict(),
            "trainer": dict(trainer_state),
            "normalizers": loss_normalizers(bare(model)),
            "iteration": self.done,
            "best": self.judge.best if self.judge else -1.0,
        }
        checkpoint.save(self.job.folder.checkpoint_file("last"), self.identity, content)
