"""Why a worker failed, in words that name the cause and the next step."""

import traceback

from bunri.errors import BunriError
from bunri.events import Ended
from bunri.files import cannot_write, takes_no_more
from bunri.run_folder import RunFolder

SIGNS_OF_MEMORY = (
    "out of memory",
    "not enough memory",
    "insufficient memory",
    "allocate memory",
    "memoryerror",
    "bad_alloc",
    "killed by signal: killed",
)
"""What frameworks and libraries say where memory ran out, in small letters; the last of a loader's killed process."""

LESS_MEMORY = (
    "Take less: a smaller recipe.batch_size or size of photos in the model's config, fewer runs at once (--jobs 1), "
    "fewer loader_workers."
)
"""The next step."""


def ended_by(error: BaseException, folder: RunFolder) -> Ended:
    """The last word of a worker that failed by an error of ours, or of the framework in any way of its own."""
    if isinstance(error, BunriError):
        return Ended("failed", str(error), error.exit_code)
    if isinstance(error, OSError) and takes_no_more(error):
        place = cannot_write(folder.path / str(error.filename or ""), error)  # an absolute name is kept as it is
        return Ended("failed", str(place), place.exit_code)
    words = traceback.format_exception_only(error)[-1].strip()
    return Ended("failed", f"memory ran out: {words}\n  {LESS_MEMORY}" if of_memory(words) else words, 1)


def of_memory(words: str) -> bool:
    """Whether words say that memory ran out."""
    return any(sign in words.lower() for sign in SIGNS_OF_MEMORY)
