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
from functools import partial
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
    ResolvedConfig,
    SharesBatches,
    StopRequested,
    engine_by_name,
    job_should_stop,
    refuse_code,
    request_stop,
)
from bunri.engines.last_words import ended_by
from bunri.engines.process import EVENTS_FD
from bunri.engines.process_group import is_first, refuse_missing_gpus
from bunri.engines.ranks import follow_the_first, one_process_only, only_the_end, train_together
from bunri.errors import BunriError, ConfigError
from bunri.events import Emit, Ended, Event, Facts, Note, Progress, Resumed, Scalars, to_line
from bunri.files import append, cannot_write, read_json, write_json
from bunri.redacting import RedactedStream, without_secrets
from bunri.run_folder import RunFolder

REPORTED_PACKAGES = ("bunri", "numpy", "torch", "torchvision", "timm", "albumentations", "onnx")
"""Packages whose versions go to the manifest where they are installed."""


def main(arguments: list[str]) -> int:
    """Do the job in the file named by the only argument; returns the exit code."""
    folder = RunFolder(Path(arguments[0]).parent)
    sys.stdout, sys.stderr = RedactedStream(sys.stdout), RedactedStream(sys.stderr)
    emit = _connect(os.environ.get(EVENTS_FD), folder.measured_file)
    if not is_first():
        emit = only_the_end(emit)
        follow_the_first()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _on_signal)
    ended = _outcome(lambda: _work(Path(arguments[0]), emit), folder)
    emit(ended)
    return ended.exit_code


def _connect(descriptor: str | None, measured: Path) -> Emit:
    """The channel to the parent; without one (a worker started by hand) events are printed.

    What is measured is on disk in the file ``measured`` before it is told, so that no checkpoint is ahead of the
    records: a parent that dies, or whose disk is full, may lose events on their way. Where nobody listens any more the
    engine is asked to stop, so that no worker outlives its run.
    """
    channel = int(descriptor) if descriptor else sys.stdout.fileno()

    def emit(event: Event) -> None:
        if isinstance(event, Note):
            _log(f"{event.level}: {event.text}")
        told = to_line(event)
        line = f"{told if isinstance(event, Scalars | Progress) else without_secrets(told)}\n".encode()
        if isinstance(event, Scalars | Resumed):
            _keep(line, measured)
        try:
            os.write(channel, line)
        except OSError:
            request_stop()

    return emit


def _keep(line: bytes, measured: Path) -> None:
    try:
        with measured.open("ab", buffering=0) as file:
            append(file, line)
    except OSError as error:
        raise cannot_write(measured, error) from error


def _log(text: str) -> None:
    """Write to the run's log; a full disk, which is often why there is something to say, must not keep it from us."""
    with suppress(OSError):
        print(text, flush=True)  # noqa: T201 - stdout is the run's log


def _on_signal(number: int, frame: FrameType | None) -> None:
    if job_should_stop():  # asked twice: do not wait for the checkpoint
        raise KeyboardInterrupt
    request_stop()


def _outcome(work: Callable[[], None], folder: RunFolder) -> Ended:
    """Do the work; however it ends, it ends in a word the parent understands."""
    try:
        work()
    except StopRequested:
        return Ended("stopped", "stopped on request at a checkpoint")
    except KeyboardInterrupt:
        return Ended("stopped", "stopped at once, without a new checkpoint")
    except (Exception, SystemExit) as error:  # ours, or the framework's own failure, of any kind
        _log(traceback.format_exc())
        return ended_by(error, folder)
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
    for task in job.tasks if is_first() else ("train",):
        if job_should_stop():
            raise StopRequested
        emit(Facts({"task": task}))
        _task(engine, task, job)(job, emit)


def _task(engine: Engine, task: str, job: Job) -> Callable[[Job, Emit], None]:
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
    if task == "train" and job.processes > 1:
        return partial(train_together, engine)
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
        answer["mistakes"] += _sharing_mistakes(engine, resolved, model)
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


def _sharing_mistakes(engine: Engine, resolved: ResolvedConfig, model: ModelToCheck) -> list[str]:
    """Why the model cannot be trained in so many processes."""
    if model.processes == 1:
        return []
    if not isinstance(engine, SharesBatches):
        return [one_process_only(engine)]
    refuse_missing_gpus(model.gpus)
    batch = engine.batch_size(resolved, model.recipe)
    if batch % model.processes == 0:
        return []
    return [
        f"recipe.batch_size: {model.processes} processes share every batch, so they must divide its {batch} photos. "
        "Say another batch_size, or another number of processes"
    ]


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
