"""The truth and the members of a page, read part by part; what cannot be read is remembered with a sentence."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar

from bunri.dataset import Dataset
from bunri.errors import BunriError, DataError
from bunri.io import read_predictions
from bunri.predictions import Predictions
from bunri.report import reading
from bunri.report.sources import ENSEMBLE, MemberFile, Sources, run_label
from bunri.run_folder import RunFolder

T = TypeVar("T")


class Parts:
    """Reads parts of a page; ``missing`` says by section what could not be read and why."""

    def __init__(self) -> None:
        self._missing: dict[str, list[str]] = {}

    @property
    def missing(self) -> Mapping[str, Sequence[str]]:
        """Sentences by section, each once."""
        return {section: tuple(dict.fromkeys(sentences)) for section, sentences in self._missing.items()}

    def part(self, section: str, read: Callable[[], T], otherwise: T) -> T:
        """What ``read`` gives, or ``otherwise`` where that is not there."""
        try:
            return read()
        except BunriError as error:
            self._missing.setdefault(section, []).append(str(error))
            return otherwise


class Material:
    """What scores, mistakes and photos are made of; each is read when it is first asked for.

    Annotations and predictions the user named by file raise a DataError where they cannot be read.
    """

    def __init__(self, sources: Sources, parts: Parts) -> None:
        self._sources, self._parts = sources, parts

    @cached_property
    def truth(self) -> Dataset | None:
        """The annotated photos some member looked at; all of them where there is no member."""
        whole = self._whole_truth
        if whole is None or not self.members:
            return whole
        seen = {image for member in self.members for image in member.seen_image_id.tolist()}
        return whole.subset([image for image in whole.images.id.tolist() if image in seen])

    @cached_property
    def _whole_truth(self) -> Dataset | None:
        if self._sources.truth is not None:
            return reading.read_truth(self._sources)
        return self._parts.part("data", lambda: reading.read_truth(self._sources), None)

    @cached_property
    def members(self) -> list[Predictions]:
        """The members that can be read, ensembles last."""
        if self._whole_truth is None:
            return []
        files = sorted(self._files, key=lambda file: file.is_ensemble)
        found = [self._member(file, self._whole_truth) for file in files]
        return [member for member in found if member is not None]

    def _member(self, file: MemberFile, truth: Dataset) -> Predictions | None:
        """A file the user names must be right; one of an unfinished experiment may be missing."""
        if file.path in self._sources.files:
            return _read(file, truth)
        return self._parts.part("members", lambda: _read(file, truth), None)

    @cached_property
    def ensembles(self) -> frozenset[str]:
        """Names of the members that were made of others."""
        return frozenset(file.name for file in self._files if file.is_ensemble)

    @cached_property
    def _files(self) -> list[MemberFile]:
        sources = self._sources
        runs = [MemberFile(run_label(run), RunFolder(run).predictions_file("val")) for run in sources.runs]
        files = [MemberFile(path.stem, path, path.stem == ENSEMBLE) for path in sources.files]
        return [file for folder in self.comparable for file in self._files_of(folder)] + runs + files

    def _files_of(self, folder: Path) -> list[MemberFile]:
        there = [path.parent.name for path in sorted(folder.glob("*/oof.parquet"))]
        experiment = self._parts.part("data", lambda: reading.read_experiment(folder), None)
        names = [] if experiment is None else [model.name for model in experiment.models]
        ordered = [*(name for name in names if name in there), *(name for name in there if name not in names)]
        label = self._sources.label
        return [MemberFile(label(folder, name), folder / name / "oof.parquet", name == ENSEMBLE) for name in ordered]

    @cached_property
    def comparable(self) -> list[Path]:
        """The experiments on the same annotations as the first."""
        folders = self._sources.experiments
        return [folder for folder in folders if self._parts.part("data", partial(self._check_data, folder), False)]

    def _check_data(self, folder: Path) -> bool:
        if self._sources.truth is not None or folder == self._sources.experiments[0]:
            return True
        first, mine = (
            reading.read_experiment(one).data.annotations.resolve() for one in (self._sources.experiments[0], folder)
        )
        if first != mine:
            raise DataError(
                f"classes, mistakes and photos here are of {first}, but {folder} is on {mine}; report it alone"
            )
        return True


def _read(file: MemberFile, truth: Dataset) -> Predictions:
    member = read_predictions(file.path, truth, file.name)
    if not set(member.seen_image_id.tolist()) & set(truth.images.id.tolist()):
        raise DataError(f"predictions must be of photos that are annotated, but none of {file.path} is")
    return member
