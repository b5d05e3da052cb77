"""The processes that train one model together: the worker is the first, starts the others, and none outlives it.

They are what torchrun would start, with the same environment. But the first one is the worker itself, which has the
pipe to the parent: so stopping, the watchdog and the last word are those of a worker that trains alone.
"""

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Self

from bunri.engines.base import Engine, Job, SharesBatches, StopRequested
from bunri.engines.last_words import cause_of_death
from bunri.engines.process import EVENTS_FD, THREAD_VARIABLES, error_of
from bunri.engines.process_group import MEETING_FILE, is_first, joined
from bunri.errors import BunriError, ConfigError
from bunri.events import Emit, Ended, Event, from_line

SECONDS_TO_NOTICE = 5.0
"""Where another process has failed, the first must fail of itself within so long, or it is ended."""

SECONDS_TO_END = 60.0
"""When the training is over, the others may take so long to go."""

SECONDS_TO_BLAME = 5.0
"""When the first process fails, it looks so long for another one whose failure it may be."""


def train_together(engine: Engine, job: Job, emit: Emit) -> None:
    """Train in ``job.processes`` processes, of which this is one.

    Raises:
        ConfigError: The engine trains in one process only.
        BunriError: Another process failed; the message says which and how.
        StopRequested: Somebody asked to stop; all have stopped at the same step.
    """
    if not isinstance(engine, SharesBatches):
        raise ConfigError(one_process_only(engine))
    mine = job.model_copy(update={"threads": max(job.threads // job.processes, 1)})
    if not is_first():
        with joined(mine):
            engine.train(mine.model_copy(update={"val": None}), emit)
        return
    with leading(mine, emit), joined(mine):
        engine.train(mine, emit)


def one_process_only(engine: Engine) -> str:
    """Why an engine refuses several processes."""
    return f"resources: {type(engine).__name__} trains a model in one process; leave gpus at 1 and processes out"


def follow_the_first() -> None:
    """End at once when the first process is gone, in whatever way: its end of our standard input is closed then."""

    def wait() -> None:
        os.read(0, 1)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def only_the_end(emit: Emit) -> Emit:
    """What one of the others says: its last word."""

    def speak(event: Event) -> None:
        if isinstance(event, Ended):
            emit(event)

    return speak


@contextmanager
def leading(job: Job, emit: Emit) -> Iterator[None]:
    """Be the first of the processes while the block runs, with the others beside.

    Raises:
        BunriError: The block failed because another process did.
    """
    with _environment(job), Others(job, emit) as others:
        try:
            yield
        except (BunriError, StopRequested):
            raise
        except Exception as error:
            if blamed := others.blamed():
                raise error_of(blamed) from error
            raise
        others.wait()


@contextmanager
def _environment(job: Job) -> Iterator[None]:
    """The environment of the first process, as torchrun would make it."""
    with tempfile.TemporaryDirectory(prefix="bunri-ranks-") as folder, _variables(_as_torchrun(folder, job)):
        yield


def _as_torchrun(folder: str, job: Job) -> dict[str, str]:
    loopback = next(name for _, name in socket.if_nameindex() if name.startswith("lo"))
    group = {MEETING_FILE: f"{folder}/meeting", "WORLD_SIZE": str(job.processes), **_of_rank(0)}
    return group | {"GLOO_SOCKET_IFNAME": loopback, "NCCL_SOCKET_IFNAME": loopback}


@contextmanager
def _variables(values: Mapping[str, str]) -> Iterator[None]:
    former = {name: os.environ[name] for name in values if name in os.environ}
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values:
            del os.environ[name]
        os.environ.update(former)


def _of_rank(number: int) -> dict[str, str]:
    return {"RANK": str(number), "LOCAL_RANK": str(number)}


class Others:
    """All processes but the first."""

    def __init__(self, job: Job, emit: Emit) -> None:
        """Start and watch them."""
        self._emit, self._is_over = emit, threading.Event()
        self._others = [_Other(number, job) for number in range(1, job.processes)]
        self._watchers = [self._watching(other) for other in self._others]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Let those that stop on request come to their end, and kill the others."""
        if kind is not None and issubclass(kind, StopRequested):
            self.wait()
        self._is_over.set()
        for other in self._others:
            other.kill()

    def _watching(self, other: "_Other") -> threading.Thread:
        thread = threading.Thread(target=self._watch, args=(other,), daemon=True)
        thread.start()
        return thread

    def _watch(self, other: "_Other") -> None:
        """Where one fails, the first may wait for it for ever: it is ended in its name."""
        other.wait()
        if other.ended.status == "failed" and not self._is_over.wait(SECONDS_TO_NOTICE):
            self._emit(other.ended)
            os._exit(other.ended.exit_code)

    def wait(self) -> None:
        """Wait until all have gone."""
        self._join(SECONDS_TO_END)

    def blamed(self) -> Ended | None:
        """How the one ended that failed first, as far as that can be told; None where none has failed.

        One that died without a word or failed with an error of ours is no victim of the others.
        """
        self._is_over.set()
        self._join(SECONDS_TO_BLAME)
        failed = [other for other in self._others if other.ended.status == "failed"]
        return min(failed, key=lambda other: other.may_be_victim).ended if failed else None

    def _join(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        for watcher in self._watchers:
            watcher.join(max(until - time.monotonic(), 0))


class _Other:
    """One of the other processes.

    Attributes:
        ended: How it ended.
        may_be_victim: Whether it may have failed only because another one had.
    """

    def __init__(self, number: int, job: Job) -> None:
        self._name, self._log = f"process {number} of {job.processes}", job.folder.log_file
        self.ended, self.may_be_victim = Ended("done"), True
        self._words, writing_end = os.pipe()
        environment = os.environ | dict.fromkeys(THREAD_VARIABLES, str(job.threads)) | _of_rank(number)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bunri.engines.worker", str(job.folder.job_file)],
                env=environment | {EVENTS_FD: str(writing_end)},
                pass_fds=(writing_end,),
                stdin=subprocess.PIPE,
            )
        finally:
            os.close(writing_end)

    def wait(self) -> None:
        """Wait for the end, and note what it was."""
        code = self._process.wait()
        os.set_blocking(self._words, False)
        word = self._last_word()
        if word is not None:
            self.ended = Ended(word.status, f"{self._name}: {word.message}", word.exit_code)
            self.may_be_victim = word.exit_code == 1
        elif code != 0:
            self.ended = Ended("failed", f"{self._name} {cause_of_death(code, self._log)}", 1)
            self.may_be_victim = False

    def _last_word(self) -> Ended | None:
        try:
            lines = os.read(self._words, 1 << 20).decode().splitlines()
        except BlockingIOError:
            return None
        event = from_line(lines[-1]) if lines else None
        return event if isinstance(event, Ended) else None

    def kill(self) -> None:
        """End it where it still runs."""
        self._process.kill()
        assert self._process.stdin is not None
        self._process.stdin.close()
