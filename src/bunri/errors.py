"""The errors bunri raises; everything else that escapes is a bug.

::

    BunriError              exit code 1   it failed while running
    ├── EngineError                       a framework's worker failed; the message names its log
    ├── OutputError                       a folder or disk that cannot be written
    ├── UsageError          exit code 2   wrong command, option or argument
    │   ├── ConfigError                   an experiment, model or recipe file is wrong
    │   └── MissingPackageError           an optional package is absent; the message has the line that installs it
    └── DataError           exit code 3   annotations, photos, predictions or checkpoints are wrong

A message says what must hold, what came, and the next step.
"""

import traceback
from collections.abc import Sequence


class BunriError(Exception):
    """Base of all errors of bunri; ``exit_code`` is what the command line ends with."""

    exit_code = 1


class EngineError(BunriError):
    """A framework failed while it trained or predicted."""


class OutputError(BunriError):
    """Something cannot be written where it was asked for."""


class UsageError(BunriError):
    """The command or call itself is wrong."""

    exit_code = 2


class ConfigError(UsageError):
    """A settings file is wrong; the message lists every mistake by dotted path.

    Attributes:
        mistakes: Each on its own, one at least.
    """

    def __init__(self, message: str, mistakes: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.mistakes = tuple(mistakes) or (message,)


class MissingPackageError(UsageError):
    """An optional package is absent."""


class DataError(BunriError):
    """Annotations, photos, predictions or checkpoints are not what they must be."""

    exit_code = 3


def words_of(error: BaseException) -> str:
    """Kind and message of an error of other people's code, without the notes it was given on its way."""
    told = traceback.TracebackException(type(error), error, None)
    told.__notes__ = None  # they would come last, where the message of a syntax error stands
    return list(told.format_exception_only())[-1].strip()
