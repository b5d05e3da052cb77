"""The worker process of an engine: ``python -m bunri.engines.worker JOB.json``.

Events leave as JSON lines on the file descriptor named in ``BUNRI_EVENTS_FD``; whatever the framework prints goes where
the parent pointed stdout and stderr, the run's ``log.txt``. SIGTERM and SIGINT ask the engine to stop at a checkpoint.
"""

import os
import platform
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from types import FrameType
from typing import Any

from bunri.engines.base import (
    CheckJob,
    Engine,
    Exports,
    Job,
    ModelToCheck,
    StopRequested,
    engine_by_name,
    job_should_stop,
    refuse_code,
    request_stop,
)
from bunri.errors import BunriError, ConfigError
from bunri.events import Emit, Ended, Event, Facts, Note, Scalars, to_line
from bunri.files import read_json, write_json
from bunri.run_folder import RunFolder

EVENTS_FD = "BUNRI_EVENTS_FD"
"""Environment variable with the number of the file descriptor events are written to."""

REPORTED_PACKAGES = ("bunri", "numpy", "torch", "torchvision", "timm", "albumentations", "onnx")
"""Packages whose versions go to the manifest where they are installed."""


def main(arguments: list[str]) -> int:
    """Do the job in the file named by the only argument; returns the exit code."""
    emit = _connect(os.environ.get(EVENTS_FD), RunFolder(Path(arguments[0]).parent).untold_file)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _on_signal)
    ended = _outcome(lambda: _work(Path(arguments[0]), emit))
    emit(ended)
    return ended.exit_code


def _connect(descriptor: str | None, untold: Path) -> Emit:
    """The channel to the parent; without one (a worker started by hand) events are printed.

    Where nobody listens any more the parent is dead: the engine is asked to stop, so that no worker outlives its run,
    and what it measures until its last checkpoint is kept in the file ``untold``.
    """
    channel = int(descriptor) if descriptor else sys.stdout.fileno()

    def emit(event: Event) -> None:
        if isinstance(event, Note):
            _log(f"{event.level}: {event.text}")
        try:
            os.write(channel, f"{to_line(event)}\n".encode())
        except OSError:
            request_stop()
            if isinstance(event, Scalars):
                with suppress(OSError), untold.open("a") as file:
                    file.write(f"{to_line(event)}\n")

    return emit


def _log(text: str) -> None:
    """Write to the run's log; a full disk, which is often why there is something to say, must not keep it from us."""
    with suppress(OSError):
        print(text, flush=True)  # noqa: T201 - stdout is the run's log


def _on_signal(number: int, frame: FrameType | None) -> None:
    if job_should_stop():  # asked twice: do not wait for the checkpoint
        raise KeyboardInterrupt
    request_stop()


def _outcome(work: Callable[[], None]) -> Ended:
    """Do the work; however it ends, it ends in a word the parent understands."""
    try:
        work()
    except StopRequested:
        return Ended("stopped", "stopped on request at a checkpoint")
    except BunriError as error:
        _log(traceback.format_exc())
        return Ended("failed", str(error), error.exit_code)
    except KeyboardInterrupt:
        return Ended("stopped", "stopped at once, without a new checkpoint")
    except (Exception, SystemExit) as error:  # the framework's own failure, of any kind
        _log(traceback.format_exc())
        return Ended("failed", traceback.format_exception_only(error)[-1].strip(), 1)
    return Ended("done")


def _work(job_file: Path, emit: Emit) -> None:
    values = read_json(job_file, "the job")
    sys.path.extend(values.get("python_path", []))
    if values.get("kind") == "check":
        check(CheckJob.validated(values, str(job_file)))
    else:
        run_job(Job.validated(values, str(job_file)), emit)


def run_job(job: Job, emit: Emit) -> None:
    """Train and predict, as the job says."""
    emit(Facts(versions()))
    engine = engine_by_name(job.engine)
    if job.resolved is None:  # else the config was read, with the user's word, before the run began
        refuse_code(engine, job.config, job.trust)
    for task in job.tasks:
        if job_should_stop():
            raise StopRequested
        emit(Facts({"task": task}))
        _task(engine, task)(job, emit)


def _task(engine: Engine, task: str) -> Callable[[Job, Emit], None]:
    """What does a task.

    Raises:
        ConfigError: The engine exports nothing.
    """
    if task == "export":
        if not isinstance(engine, Exports):
            raise ConfigError(
                f"an engine must have a method `export`, but {type(engine).__name__} has none; see docs/export.md"
            )
        return engine.export
    return engine.train if task == "train" else engine.predict


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that matter, read without importing them."""
    found = {"version/python": platform.python_version()}
    for package in REPORTED_PACKAGES:
        try:
            found[f"version/{package}"] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def check(job: CheckJob) -> None:
    """Resolve every native config and check every recipe; the answers go to ``job.answer``."""
    engine = engine_by_name(job.engine)
    write_json(job.answer, {model.name: _checked(engine, model) for model in job.models})


def _checked(engine: Engine, model: ModelToCheck) -> dict[str, Any]:
    answer: dict[str, Any] = {"mistakes": []}
    try:
        refuse_code(engine, model.config, model.trust)
        resolved = engine.resolve(model.config, model.overrides)
        answer |= asdict(resolved)
        answer["mistakes"] += [f"recipe.{refusal}" for refusal in engine.refusals(resolved, model.recipe)]
    except ConfigError as error:
        answer["mistakes"] += error.mistakes
    except BunriError as error:
        answer["mistakes"].append(str(error))
    for test in _RECIPE_CHECKS:
        try:
            test(model)
        except ConfigError as error:
            answer["mistakes"] += [f"recipe.{mistake}" for mistake in error.mistakes]
    return answer


def _check_augment(model: ModelToCheck) -> None:
    from bunri.augment import build_transforms

    build_transforms(model.recipe.augment)


def _check_optimizer(model: ModelToCheck) -> None:
    from bunri.optim import OptimizerSettings, check_optimizer

    if model.recipe.optimizer != OptimizerSettings():  # looking it up loads torch; the default one is known to be right
        check_optimizer(model.recipe.optimizer)


def _check_sampler(model: ModelToCheck) -> None:
    from bunri.sampling import check_sampler

    check_sampler(model.recipe.sampler)


_RECIPE_CHECKS: tuple[Callable[[ModelToCheck], None], ...] = (_check_augment, _check_optimizer, _check_sampler)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
