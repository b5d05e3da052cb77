"""What the verbs on predictions take: members by file, durations, groups of images."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer.core

from bunri.cli.output import say
from bunri.errors import BunriError, DataError, UsageError

if TYPE_CHECKING:
    from bunri.boxes import IntArray
    from bunri.dataset import Dataset
    from bunri.predictions import Predictions
    from bunri.search.stored import StoredMembers


Verb = TypeVar("Verb", bound=Callable[..., None])

SETTINGS = ("time", "folds", "groups", "seed", "resamples", "threads", "families", "value", "orders")


class WordyCommand(typer.core.TyperCommand):
    """A command whose ``--add`` takes every word up to the next option, and ``time=60s`` stands for ``--time 60s``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # typer changes the class of its context
        """Say in options what was said in words."""
        return super().parse_args(ctx, spread_words(args))


def wordy(verb: Verb) -> Verb:
    """Let a verb be a ``WordyCommand``."""
    vars(verb)["command_class"] = WordyCommand
    return verb


def spread_words(words: Sequence[str]) -> list[str]:
    """Put ``--add`` before each of its words, and ``--`` before ``key=value`` of a setting."""
    spread, adding = list[str](), False
    for word in words:
        key, equals, value = word.partition("=")
        if equals and key in SETTINGS:
            spread += [f"--{key}", value]
        elif word.startswith("--"):
            adding = word == "--add"
            spread += [] if adding else [word]
        else:
            spread += ["--add", word] if adding else [word]
    return spread


STAGES = {"one": "one-stage", "two": "two-stage"}
"""Families by what an experiment calls the stages of its models."""

MemberPaths = dict[str, tuple[Path, ...]]
"""Files by the name of their member; several are folds or views of one model."""


def member_paths(paths: Sequence[Path], renamed: Sequence[str] | None) -> MemberPaths:
    """Files by the name of their member: the stem, or as ``NAME=FILE`` or ``NAME=FILE,FILE`` says.

    What an experiment wrote (``runs/NAME/MODEL/oof.parquet``) has the name of its model.

    Raises:
        UsageError: Two members have one name, or a ``NAME=FILE`` is not of that form.
    """
    named = [_name_and_files(text) for text in renamed or ()]
    taken = {path.resolve() for _, files in named for path in files}
    found: MemberPaths = {}
    for name, files in [*((_name_of(path), (path,)) for path in paths if path.resolve() not in taken), *named]:
        if name in found:
            raise UsageError(
                f"members must have names of their own, but {found[name][0]} and {files[0]} are both {name}. "
                "Name one with --member NAME=FILE, or make them one with --member NAME=FILE,FILE."
            )
        found[name] = files
    return found


def _name_of(path: Path) -> str:
    return path.resolve().parent.name if _experiment_file(path).is_file() else path.stem


def _experiment_file(path: Path) -> Path:
    """Where the settings of the experiment lie, if a file is one of its model's ``oof`` or ``test`` predictions."""
    return path.resolve().parent.parent / "experiment.json" if path.stem in ("oof", "test") else Path("-")


def member_families(families: Sequence[str] | None, paths: MemberPaths) -> dict[str, list[str]]:
    """Names of the members of each family: as ``NAME=member,member`` says, else by the stages in their experiments.

    Raises:
        UsageError: A family is not of that form.
    """
    if families:
        return dict(_name_and_members(text) for text in families)
    found: dict[str, list[str]] = {}
    for name, files in paths.items():
        stages = _stages_of(files[0]) if len(files) == 1 else None
        if stages is not None:
            found.setdefault(STAGES.get(stages, stages), []).append(name)
    return found


def _stages_of(path: Path) -> str | None:
    """What the experiment of a file says of the stages of its model."""
    from bunri.files import read_json

    settings = _experiment_file(path)
    models = read_json(settings, "an experiment").get("models", []) if settings.is_file() else []
    return next((model.get("stages") for model in models if model["name"] == path.resolve().parent.name), None)


def _name_and_members(text: str) -> tuple[str, list[str]]:
    name, equals, members = text.partition("=")
    if not (name and equals and all(members.split(","))):
        raise UsageError(f"--family must be NAME=member or NAME=member,member, but got {text!r}")
    return name, members.split(",")


def _name_and_files(text: str) -> tuple[str, tuple[Path, ...]]:
    name, equals, files = text.partition("=")
    if not (name and equals and all(files.split(","))):
        raise UsageError(f"--member must be NAME=FILE or NAME=FILE,FILE, but got {text!r}")
    return name, tuple(Path(file) for file in files.split(","))


def read_members(paths: MemberPaths, dataset: "Dataset") -> "list[Predictions]":
    """Read members and cut their boxes at the borders of the images; folds and views of one model become one."""
    from bunri.io import read_predictions

    found = [read_predictions(path, dataset) for files in paths.values() for path in files]
    members = _members(paths, found, dataset)
    say_unlike(members)
    return members


def member_blocks(paths: MemberPaths, dataset: "Dataset") -> "Iterator[list[Predictions]]":
    """As :func:`read_members`; large files come block of images by block of images."""
    from bunri.io.blocks import read_blocks

    files = [path for several in paths.values() for path in several]
    is_told = False
    for block in read_blocks(files, dataset, on_sorting=say_sorting):
        members = _members(paths, block, dataset)
        is_told = is_told or say_unlike(members)
        yield members


def say_unlike(members: "Sequence[Predictions]") -> bool:
    """Tell where members have not looked at the same images; gives whether that is so."""
    import numpy as np

    everything = np.unique(np.concatenate([member.seen_image_id for member in members]))
    lacking = [(member.name, np.setdiff1d(everything, member.seen_image_id)) for member in members]
    lacking = [(name, images) for name, images in lacking if len(images)]
    if lacking:
        told = ", ".join(f"{name} not at {len(images)} of {len(everything)}" for name, images in lacking)
        say(
            f"warning: members must have looked at the same images, but {told}, first {lacking[0][1][0]}. On such "
            "an image a member counts as having found nothing. Predict all images, or leave the member out."
        )
    return bool(lacking)


@contextmanager
def members_to_search(paths: MemberPaths, dataset: "Dataset") -> "Iterator[list[Predictions] | StoredMembers]":
    """As :func:`read_members`; large files are sorted once and kept in a temporary folder."""
    from bunri.io.blocks import is_large
    from bunri.search.stored import stored_members

    if not is_large([path for several in paths.values() for path in several]):
        yield read_members(paths, dataset)
        return
    say("the members are searched block by block; they are sorted in a temporary folder first, 40 bytes a box")
    with stored_members(member_blocks(paths, dataset), dataset) as members:
        yield members


def _members(paths: MemberPaths, found: "Sequence[Predictions]", dataset: "Dataset") -> "list[Predictions]":
    from bunri.fuse import join_parts

    parts = iter(found)
    return [
        join_parts([part.clipped(dataset) for part in islice(parts, len(files))], name) for name, files in paths.items()
    ]


def say_sorting(path: Path) -> None:
    """Tell that a large file is sorted before it is used."""
    say(f"{path} is not in the order of its images: it is sorted in a temporary folder, which takes longer")


@contextmanager
def resumable(state: Path | None) -> Iterator[None]:
    """Let an interrupted search say how it goes on.

    Raises:
        BunriError: It was interrupted.
    """
    try:
        yield
    except KeyboardInterrupt:
        how = "Give --out or --state to be able to go on" if state is None else f"The same command goes on from {state}"
        raise BunriError(f"the search was stopped. {how}.") from None


def read_truth(path: Path) -> "Dataset":
    """Read a data set to score against.

    Raises:
        DataError: There is no box in it, so that no score exists.
    """
    from bunri.io import load_dataset

    dataset = load_dataset(path)
    if not dataset.boxes_per_class().any():
        raise DataError(f"the truth must have boxes to score against, but {path} has none. Give the annotated file.")
    return dataset


def duration(text: str | None) -> float | None:
    """Seconds of ``90``, ``90s``, ``5m`` or ``1h``.

    Raises:
        UsageError: It is none of these.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text)
    if match is None or float(match[1]) <= 0:
        raise UsageError(f"a time must be a number of s, m or h, such as 60s, but got {text!r}")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]]


def image_labels(dataset: "Dataset", groups: str | None) -> "IntArray | None":
    """``bunri.search.task.image_labels``, loaded when it is called."""
    from bunri.search import task

    return task.image_labels(dataset, groups)
