"""Gathers all facts of a data set; what cannot be known is left out with a sentence."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from bunri.dataset import Dataset
from bunri.eda.augmented import Augmented, augmented
from bunri.eda.experiment import Plan, augmentation_of, read_plan
from bunri.eda.facts import EdaFacts, LabelFacts, PhotoFacts
from bunri.eda.folds import FoldComparison, compare_folds, read_folds
from bunri.eda.histograms import objects_of, value_histogram
from bunri.eda.labels import class_counts, objects_per_image, presence, together
from bunri.eda.looking import Looks, duplicate_groups, look_at_photos
from bunri.eda.resizing import USUAL, Resize, parse_resize, sizes_after
from bunri.eda.samples import ResizedObject, duplicates_shown, extremes, resized_objects, samples_per_class
from bunri.eda.sizes import aspect_histogram, coco_sizes, position_maps, share_histogram, side_histogram
from bunri.errors import DataError, UsageError
from bunri.io import load_dataset
from bunri.shards import is_source
from bunri.user_code import found_in

T = TypeVar("T")

TINT_EDGES = tuple(range(16, 256, 16))
CONTRAST_EDGES = tuple(range(8, 128, 8))
"""Bins of brightness and colourfulness, and of contrast, which seldom passes 100."""

PHOTO_SIZES = 8
"""Commonest sizes of photos that are named."""


def look_at(
    annotations: Path,
    images: Path | None = None,
    folds: Sequence[Path] = (),
    experiment: Path | None = None,
    model: str | None = None,
    sizes: Sequence[str] = (),
) -> EdaFacts:
    """Look at a data set.

    Args:
        annotations: COCO JSON, with or without annotations.
        images: Folder of the photos; by default that of the JSON.
        folds: A folder of ``bunri split``, or COCO files, one a fold.
        experiment: Experiment file whose augmentation and input sizes are shown.
        model: Of the experiment; by default the first one that augments.
        sizes: Input sizes to compare: ``640`` (longer side) or ``800x1333`` (shorter side, longer at most).

    Raises:
        DataError: The annotations or folds are wrong.
        UsageError: A folder, size or model is not one; ConfigError for the experiment file.
    """
    if images is not None and not (images.is_dir() or is_source(images)):
        raise UsageError(f"--images must be the folder of the photos, but {images} is not a folder")
    if model is not None and experiment is None:
        raise UsageError("--model names a model of an experiment; give the file too, with --experiment EXPERIMENT.yaml")
    dataset = load_dataset(annotations, images)
    plan = read_plan(experiment, model) if experiment is not None else None
    asked = tuple(parse_resize(size) for size in sizes)
    resizes = {resize.name: resize for resize in (*asked, *(plan.resizes if plan else ()))}
    return _Gathering(dataset, _title(annotations), plan, tuple(resizes.values()) or USUAL, folds).facts()


def _title(annotations: Path) -> str:
    """The file, and its folder as many files are called alike."""
    return f"{annotations.resolve().parent.name}/{annotations.stem}"


class _Gathering:
    """Looks part by part; remembers what is missing, by the section that lacks it."""

    def __init__(
        self, dataset: Dataset, title: str, plan: Plan | None, resizes: Sequence[Resize], folds: Sequence[Path]
    ) -> None:
        self._dataset, self._title, self._plan, self._resizes = dataset, title, plan, resizes
        self._folds = read_folds(folds, dataset) if folds else ()
        self._missing: dict[str, str] = {}
        self._looks = self._part("photos", lambda: look_at_photos(dataset), None)
        self._groups = duplicate_groups(self._looks) if self._looks else ()

    def facts(self) -> EdaFacts:
        return EdaFacts(
            title=self._title,
            labels=label_facts(self._dataset),
            resized=sizes_after(self._dataset, self._resizes),
            resized_objects=self._part("resized_objects", self._resized_objects, ()),
            photos=self._photo_facts(self._looks) if self._looks else None,
            folds=self._part("folds", self._compared_folds, None),
            augmented=self._part("augmented", self._augmented, None),
            missing=self._missing,
        )

    def _part(self, section: str, read: Callable[[], T], otherwise: T) -> T:
        """Only what is absent is left out; a wrong transform or command is an error of the whole."""
        try:
            return read()
        except DataError as error:
            self._missing[section] = str(error)
            return otherwise

    def _seen(self) -> Looks:
        if self._looks is None:
            raise DataError(self._missing["photos"])
        return self._looks

    def _resized_objects(self) -> tuple[ResizedObject, ...]:
        return resized_objects(self._dataset, self._seen().rows, self._resizes[0])

    def _compared_folds(self) -> FoldComparison:
        if not self._folds:
            raise DataError("folds must be there to be compared; give the folder of `bunri split` with --folds DIR.")
        return compare_folds(self._dataset, self._folds, self._looks, self._groups)

    def _augmented(self) -> Augmented:
        plan = augmentation_of(self._plan)
        with found_in(plan.python_path):
            return augmented(self._dataset, self._seen().rows, plan.pipeline, plan.models)

    def _photo_facts(self, looks: Looks) -> PhotoFacts:
        dataset = self._dataset
        return PhotoFacts(
            photos=len(looks.rows),
            missing=looks.missing,
            unreadable=looks.unreadable,
            brightness=value_histogram(looks.brightness, TINT_EDGES),
            contrast=value_histogram(looks.contrast, CONTRAST_EDGES),
            colourfulness=value_histogram(looks.colourfulness, TINT_EDGES),
            extremes=extremes(dataset, looks),
            duplicate_groups=len(self._groups),
            duplicate_photos=sum(len(group) for group in self._groups),
            duplicates=duplicates_shown(dataset, self._groups),
            samples=samples_per_class(dataset, looks.rows),
        )


def label_facts(dataset: Dataset) -> LabelFacts:
    """What the annotations alone say."""
    objects, images = objects_of(dataset), dataset.images
    sides = Counter(zip(images.width.tolist(), images.height.tolist(), strict=True))
    return LabelFacts(
        images=len(dataset),
        boxes=len(objects),
        crowds=len(dataset.annotations) - len(objects),
        empty=int((presence(dataset).sum(axis=1) == 0).sum()),
        classes=class_counts(dataset),
        together=together(dataset),
        per_image=objects_per_image(dataset),
        coco_sizes=coco_sizes(dataset),
        sides=side_histogram(dataset),
        shares=share_histogram(dataset),
        aspects=aspect_histogram(dataset),
        positions=position_maps(dataset),
        photo_sizes=tuple((*size, count) for size, count in sides.most_common(PHOTO_SIZES)),
    )
