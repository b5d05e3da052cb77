"""What a report is asked to be about: experiments, single runs, files of predictions, or a folder of experiments."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bunri.errors import UsageError
from bunri.run_folder import RunFolder, begun_runs

ENSEMBLE = "ensemble"
"""Folder and name of the ensemble among the members."""


@dataclass(frozen=True)
class MemberFile:
    """Predictions of one member: ``name`` on the page, and where they lie."""

    name: str
    path: Path
    is_ensemble: bool = False


@dataclass(frozen=True)
class Sources:
    """What a page is about.

    Attributes:
        experiments: Folders ``runs/<experiment>/``.
        projects: Folders of experiments, as they were given.
        runs: Single runs, ``runs/<experiment>/<model>/fold<k>``.
        files: Predictions without a run folder.
        verdicts: Files of verdicts.
        gains: Files of what members buy.
        truth: Annotations given by the user, or None for those of the experiment.
        images: Folder of the photos given by the user.
    """

    experiments: tuple[Path, ...] = ()
    projects: tuple[Path, ...] = ()
    runs: tuple[Path, ...] = ()
    files: tuple[Path, ...] = ()
    verdicts: tuple[Path, ...] = ()
    gains: tuple[Path, ...] = ()
    truth: Path | None = None
    images: Path | None = None

    @property
    def title(self) -> str:
        """The names of what the page is about."""
        names = [*(path.resolve().name for path in self.experiments), *map(run_label, self.runs)]
        return ", ".join(names + [path.stem for path in (*self.files, *self.verdicts, *self.gains)])

    def label(self, folder: Path, name: str) -> str:
        """A model's name on the page; that of the experiment stands before it where there are several."""
        return f"{folder.resolve().name}/{name}" if len(self.experiments) > 1 else name

    def files_called(self, pattern: str) -> list[Path]:
        """Files by name in the folders of experiments and of projects."""
        return [path for folder in (*self.projects, *self.experiments) for path in sorted(folder.glob(pattern))]

    def run_folders(self) -> list[tuple[str, RunFolder]]:
        """All runs with their labels, those of experiments first."""
        found = [
            (self.label(folder, str(run.path.relative_to(folder))), run)
            for folder in self.experiments
            for run in runs_of(folder)
        ]
        return found + [(run_label(path), RunFolder(path)) for path in self.runs]


def find_sources(paths: Sequence[Path], truth: Path | None = None, images: Path | None = None) -> Sources:
    """Tell experiments, folders of experiments, runs and files of predictions apart.

    Raises:
        UsageError: A path is not there, or predictions come without a truth.
    """
    absent = [str(path) for path in paths if not path.exists()]
    if absent or not paths:
        came = f"{', '.join(absent)} is not there" if absent else "got nothing"
        raise UsageError(f"a report needs folders of experiments or runs, or files of predictions, but {came}")
    verdicts, gains = (_files_of(kind, paths) for kind in ("verdicts", "gain"))
    files = tuple(path for path in paths if path.is_file() and path not in (*verdicts, *gains))
    folders = [path for path in paths if path.is_dir()]
    runs = tuple(path for path in folders if (path / "manifest.json").exists())
    experiments = tuple(one for path in folders if path not in runs for one in _experiments_in(path))
    projects = tuple(path for path in folders if path not in (*runs, *experiments))
    if files and truth is None and not experiments and not runs:
        raise UsageError(f"a report on predictions needs the annotations of their photos; add --truth to {files[0]}")
    return Sources(experiments, projects, runs, files, verdicts, gains, truth, images)


TOPS = {"verdicts": "hypotheses", "gain": "gains"}
"""What a file of each kind has at its top, whatever it is called."""


def _files_of(kind: str, paths: Sequence[Path]) -> tuple[Path, ...]:
    return tuple(path for path in paths if path.is_file() and (_says(path, TOPS[kind]) or _is_called(path, kind)))


def _is_called(path: Path, kind: str) -> bool:
    return path.name.endswith(f"{kind}.json")


def _says(path: Path, key: str) -> bool:
    if path.suffix != ".json":
        return False
    with path.open("rb") as file:
        if not file.read(64).lstrip().startswith(b"{"):
            return False  # predictions are an array, and may be large
    try:
        return key in json.loads(path.read_bytes())
    except ValueError:
        return False


def _experiments_in(folder: Path) -> list[Path]:
    """The folder itself, or the experiments in it; one that is neither gives a page that says what is missing."""
    if (folder / "experiment.json").exists() or runs_of(folder):
        return [folder]
    below = sorted(path.parent for path in folder.glob("*/experiment.json"))
    return below or [folder]


def runs_of(folder: Path) -> list[RunFolder]:
    """The folders of an experiment's runs, sorted by path: ``<model>/fold<k>`` or ``<model>/fold<k>/seed<s>``."""
    return begun_runs(folder, "*/fold*/**")


def run_label(path: Path) -> str:
    """A single run by its place in its experiment, as ``fcos/fold0``."""
    root = experiment_of(path)
    resolved = path.resolve()
    return str(resolved.relative_to(root)) if root is not None else "/".join(resolved.parts[-2:])


def experiment_of(run: Path) -> Path | None:
    """The experiment a run belongs to, found above it."""
    above = run.resolve().parents[:3]
    return next((path for path in above if (path / "experiment.json").exists()), None)
