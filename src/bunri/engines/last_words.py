"""Why a worker failed, in words that name the cause and the next step."""

import signal
from pathlib import Path

from bunri.errors import BunriError, words_of
from bunri.events import Ended
from bunri.files import cannot_write, takes_no_more
from bunri.redacting import without_secrets
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

NO_SIGN = "allocate memory in static tls block"
"""What glibc says where a library was loaded too late: no smaller batch helps."""

LESS_MEMORY = (
    "Take less: a smaller recipe.batch_size or size of photos in the model's config, fewer runs at once (--jobs 1), "
    "fewer loader_workers."
)
"""The next step."""

LOG_LINES = 8
"""Lines of the log shown when a worker died without a word."""


def ended_by(error: BaseException, folder: RunFolder) -> Ended:
    """The last word of a worker that failed by an error of ours, or of the framework in any way of its own."""
    if isinstance(error, BunriError):
        return Ended("failed", str(error), error.exit_code)
    if isinstance(error, OSError) and takes_no_more(error):
        place = cannot_write(folder.path / str(error.filename or ""), error)  # an absolute name is kept as it is
        return Ended("failed", str(place), place.exit_code)
    words = words_of(error)
    return Ended("failed", f"memory ran out: {words}\n  {LESS_MEMORY}" if of_memory(words) else words, 1)


def of_memory(words: str) -> bool:
    """Whether words say that memory ran out."""
    said = words.lower().replace(NO_SIGN, "")
    return any(sign in said for sign in SIGNS_OF_MEMORY)


def cause_of_death(code: int, log_file: Path) -> str:
    """How a process died that said nothing: from its exit code, with the end of its log."""
    cause = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    log = end_of_log(log_file)
    hint = f"\n  Most likely memory ran out. {LESS_MEMORY}" if code == -signal.SIGKILL or of_memory(log) else ""
    return f"{cause} without a last word; its log ends with\n{log}{hint}"


def end_of_log(log_file: Path) -> str:
    """The last lines of a log, indented."""
    lines = without_secrets(log_file.read_text(errors="replace")).splitlines()[-LOG_LINES:]
    return "\n".join(f"  | {line}" for line in lines) or "  | (empty)"
