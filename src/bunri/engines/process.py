"""The parent's side of a worker: start it, read its events, ask it to stop, and say how it died."""

import math
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from bunri.engines.environments import environment_of
from bunri.engines.last_words import cause_of_death, end_of_log
from bunri.errors import BunriError, ConfigError, DataError, EngineError
from bunri.events import Ended, Event, from_line
from bunri.files import cannot_write

PACKAGE = Path(__file__).resolve().parents[1]
"""The folder of this bunri."""

EVENTS_FD = "BUNRI_EVENTS_FD"
"""Environment variable with the number of the file descriptor a worker writes its events to."""

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
)
"""Environment variables by which the libraries below a framework learn how many threads they may use."""

KEYS_OF_WRITERS = ("WANDB_", "MLFLOW_")
"""Beginnings of variables that are for the services the parent writes to: no worker needs their keys."""

SECONDS_TO_EXIT = 60.0
"""A worker that has said its last word may take this long to go."""


def interpreter_of(engine: str, configured: str | None = None) -> str:
    """The Python that runs an engine.

    Of the experiment, of ``BUNRI_<ENGINE>_PYTHON``, of the environment ``bunri engines install`` made, or this one.
    """
    return configured or os.environ.get(variable_of(engine)) or _installed(engine) or sys.executable


def variable_of(engine: str) -> str:
    """The environment variable that names an engine's Python."""
    return f"BUNRI_{engine.upper()}_PYTHON"


def _installed(engine: str) -> str | None:
    environment = environment_of(engine)
    return None if environment is None else str(environment.python)


def error_of(ended: Ended) -> BunriError:
    """The error of ours that a failed worker's last word stands for, with the same exit code."""
    kinds: dict[int, type[BunriError]] = {2: ConfigError, 3: DataError}
    return kinds.get(ended.exit_code, EngineError)(ended.message)


class Worker:
    """A running worker process in a session of its own, so that Ctrl-C reaches it only through :meth:`stop`."""

    def __init__(
        self,
        job_file: Path,
        log_file: Path,
        interpreter: str,
        threads: int = 1,
        keep_open: Sequence[int] = (),
        patience: float = math.inf,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """Start the worker.

        Args:
            job_file: The job as JSON.
            log_file: All it prints is appended here.
            interpreter: The Python to run it with.
            threads: CPU threads of the libraries below.
            keep_open: File descriptors it inherits, such as the lock of its run.
            patience: Seconds without an event or a line in the log after which it is taken to hang, and killed.
            variables: Further environment variables.

        Raises:
            ConfigError: The interpreter cannot be started.
            OutputError: The log cannot be written.
        """
        self._log_file, self._asked_to_stop = log_file, False
        self._patience, self._hung = patience, False
        self._pipe, writing_end = os.pipe()
        environment = _environment(interpreter, threads, job_file.parent) | {EVENTS_FD: str(writing_end)}
        environment |= variables or {}
        command = [interpreter, "-m", "bunri.engines.worker", str(job_file)]
        try:
            self._process = _start(command, environment, log_file, (writing_end, *keep_open))
        except BaseException:
            os.close(self._pipe)
            raise
        finally:
            os.close(writing_end)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Id of the process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def events(self) -> Iterator[Event]:
        """What the worker says; the last event is always ``Ended``, also where it was killed."""
        ended: Ended | None = None
        for line in self._lines():
            event = from_line(line)
            if isinstance(event, Ended):
                ended = event
            else:
                yield event
        code = self._wait()
        yield ended or self._died(code)

    def _lines(self) -> Iterator[str]:
        pending = b""
        while chunk := self._read():
            *lines, pending = (pending + chunk).split(b"\n")
            yield from (line.decode() for line in lines)

    def _read(self) -> bytes:
        """The next bytes, empty at the end.

        A forked child of the framework may hold the pipe open after the worker's death, so the process is asked, too.
        """
        since, log = time.monotonic(), self._size_of_log()
        while not self._has_words(0.5):
            if self._process.poll() is not None and not self._has_words(0.0):  # it may speak and die in between
                return b""
            if (now := self._size_of_log()) != log:  # not its time: clocks are set
                since, log = time.monotonic(), now
            if time.monotonic() - since > self._patience:
                self._hung = True
                self._kill()
        return os.read(self._pipe, 1 << 16)

    def _size_of_log(self) -> int:
        try:
            return self._log_file.stat().st_size
        except OSError:
            return 0

    def _has_words(self, seconds: float) -> bool:
        return bool(select.select([self._pipe], [], [], seconds)[0])

    def _wait(self) -> int:
        try:
            return self._process.wait(SECONDS_TO_EXIT)
        except subprocess.TimeoutExpired:
            self._kill()
            return self._process.wait()

    def _kill(self) -> None:
        """Kill the worker and what it forked: it leads a process group of its own."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _died(self, code: int) -> Ended:
        if self._asked_to_stop:
            return Ended("stopped", "stopped at once, without a new checkpoint", 1)
        if self._hung:
            return Ended("failed", self._hung_message(), 1)
        return Ended("failed", f"the worker {cause_of_death(code, self._log_file)}", 1)

    def _hung_message(self) -> str:
        return (
            f"the worker must say something every {self._patience:g} seconds (watchdog_minutes of the experiment), but "
            f"it fell silent, and was killed; its log ends with\n{end_of_log(self._log_file)}"
        )

    def stop(self) -> None:
        """Ask the worker to stop at a checkpoint; asked twice it stops at once."""
        self._asked_to_stop = True
        if self._process.poll() is None:
            self._process.terminate()

    def kill(self) -> None:
        """End the worker at once; its last event says so."""
        if self._process.poll() is None:
            self._kill()

    def close(self) -> None:
        """End the worker if it still runs, and let go of the pipe."""
        if self._process.poll() is None:
            self._kill()
            self._process.wait()
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1


def _start(
    command: Sequence[str], environment: Mapping[str, str], log_file: Path, pass_fds: tuple[int, ...]
) -> "subprocess.Popen[bytes]":
    try:
        log_file.parent.mkdir(parents=True, exist_ok=True)
        log = log_file.open("ab")
    except OSError as error:
        raise cannot_write(log_file, error) from error
    with log:
        try:
            return subprocess.Popen(
                command,
                env=dict(environment),
                pass_fds=pass_fds,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise ConfigError(
                f"the interpreter of an engine must be a Python, but {command[0]}: {error.strerror}. "
                "Check engines.<name>.interpreter of the experiment or BUNRI_<NAME>_PYTHON."
            ) from error


def _environment(interpreter: str, threads: int, folder: Path) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(KEYS_OF_WRITERS)}
    environment |= dict.fromkeys(THREAD_VARIABLES, str(threads))
    environment |= {"NO_ALBUMENTATIONS_UPDATE": "1", "PYTHONUNBUFFERED": "1", "PYTHONSAFEPATH": "1"}
    if interpreter != sys.executable:
        old = [environment["PYTHONPATH"]] if environment.get("PYTHONPATH") else []
        environment["PYTHONPATH"] = os.pathsep.join([str(_bunri_alone(folder)), *old])
    return environment


def _bunri_alone(folder: Path) -> Path:
    """A folder with nothing but a link to this bunri, so that another environment finds it and no package of ours."""
    alone = folder / ".python"
    alone.mkdir(exist_ok=True)
    link = alone / "bunri"
    if link.is_symlink() and link.readlink() != PACKAGE:  # of another node, or of an environment that has moved
        link.unlink()
    if not link.is_symlink():
        link.symlink_to(PACKAGE)
    return alone
