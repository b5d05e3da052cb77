"""An engine that trains in several processes without a framework: each takes its share of the rows 0, 1, 2, ...

Its native config is YAML: ``steps``, ``batch`` and what shall go wrong in the process ``rank`` (1 where nothing is
said): ``crash_at`` or ``data_error_at`` a step (at 0 before the processes have met), ``kill_at``, ``hang_at``, and
``slow`` for steps that take a while. Each process leaves its id and the rows it has seen in the run folder.
"""

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from bunri.engines.base import Job, ResolvedConfig, StopRequested
from bunri.engines.process_group import agreed_to_stop, is_first, mean_of, rank, share
from bunri.errors import DataError
from bunri.events import Emit, Progress, Scalars
from bunri.files import write_json
from bunri.recipe import Recipe


class RankedEngine:
    """Behaves as an engine must that trains in several processes."""

    def resolve(self, config: Path, overrides: Mapping[str, Any]) -> ResolvedConfig:
        before = yaml.safe_load(config.read_text())
        return ResolvedConfig(yaml.safe_dump(before), yaml.safe_dump({**before, **overrides}))

    def refusals(self, resolved: ResolvedConfig, recipe: Recipe) -> list[str]:
        return []

    def batch_size(self, resolved: ResolvedConfig, recipe: Recipe) -> int:
        return int(yaml.safe_load(resolved.after)["batch"])

    def train(self, job: Job, emit: Emit) -> None:
        values = yaml.safe_load(self.resolve(job.config, job.overrides).after)
        (job.run_folder / f"pid{rank()}").write_text(str(os.getpid()))
        for step in range(1, values["steps"] + 1):
            self._step(step, values, job, emit)

    def _step(self, step: int, values: Mapping[str, Any], job: Job, emit: Emit) -> None:
        if rank() == values.get("rank", 1):
            _go_wrong(step, values)
        rows = share(range((step - 1) * values["batch"], step * values["batch"]))
        with (job.run_folder / f"rows{rank()}").open("a") as file:
            file.writelines(f"{row}\n" for row in rows)
        means = mean_of({"rank": rank(), "threads": job.threads, "held_out": float(job.val is not None)})
        emit(Progress(step))
        emit(Scalars(step, {f"train/loss/{name}": value for name, value in means.items()}, float(step)))
        time.sleep(0.1 if values.get("slow") else 0)
        if agreed_to_stop():
            if is_first():
                write_json(job.folder.checkpoint_file("last"), {"step": step})
            raise StopRequested

    def predict(self, job: Job, emit: Emit) -> None:
        with (job.run_folder / "predicted").open("a") as file:
            file.write(f"{rank()} {job.threads}\n")


def _go_wrong(step: int, values: Mapping[str, Any]) -> None:
    if step == values.get("crash_at"):
        raise RuntimeError("CUDA out of patience")
    if step == values.get("data_error_at"):
        raise DataError("photo 7 must be whole, but it breaks off. Copy it again.")
    if step == values.get("kill_at"):
        os.kill(os.getpid(), signal.SIGKILL)
    if step == values.get("hang_at"):
        time.sleep(3600)


class LateEngine(RankedEngine):
    """The second process dies before the two have met."""

    def __init__(self) -> None:
        if not is_first():
            os._exit(7)
