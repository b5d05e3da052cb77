"""One of several processes that train a model together: which it is, its share, and what all of them agree on.

A process that trains alone is the first of one, and asks nobody. Those that train together find each other at a file;
they talk over the loopback device only.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from bunri.engines.base import Job, job_should_stop
from bunri.errors import ConfigError

if TYPE_CHECKING:
    from torch import nn

MEETING_FILE = "BUNRI_MEETING_FILE"
"""Environment variable with the file at which the processes find each other; absent where one trains alone. Beside it
stand ``RANK``, ``LOCAL_RANK`` and ``WORLD_SIZE``, as torchrun sets them."""

PATIENCE = timedelta(days=1)
"""The others wait so long for the first one to validate; whether it hangs the watchdog judges."""

Item = TypeVar("Item")

_talk: dict[str, Any] = {}
"""The group for words between processes, under ``group``: on the CPU, so that waiting leaves the GPU alone."""


def rank() -> int:
    """Number of this process, from 0."""
    return int(os.environ["RANK"]) if MEETING_FILE in os.environ else 0


def world_size() -> int:
    """How many processes train together."""
    return int(os.environ["WORLD_SIZE"]) if MEETING_FILE in os.environ else 1


def is_first() -> bool:
    """Whether this process is the one that speaks, validates and writes."""
    return rank() == 0


def share(batch: Sequence[Item]) -> list[Item]:
    """What of a batch is this process's: its items are dealt in turns."""
    return list(batch[rank() :: world_size()])


def part_of_seed() -> tuple[int, ...]:
    """What makes each process draw other numbers; nothing for the first, so that one alone draws as it always did."""
    return () if is_first() else (rank(),)


@contextmanager
def joined(job: Job) -> Iterator[None]:
    """Be one of those that train together while the block runs; each has a GPU of its own where they train on GPUs.

    After an error the group is not dissolved: the others shall not take the end of this process for their own failure.

    Raises:
        ConfigError: There are fewer GPUs than processes.
    """
    from torch import cuda, distributed

    on_gpu = job.device == "cuda" or (job.device == "auto" and cuda.is_available())
    if on_gpu:
        refuse_missing_gpus(world_size())
        cuda.set_device(rank())
    distributed.init_process_group(
        "nccl" if on_gpu else "gloo",
        init_method=f"file://{os.environ[MEETING_FILE]}",
        rank=rank(),
        world_size=world_size(),
        timeout=PATIENCE,
    )
    _talk["group"] = distributed.new_group(backend="gloo", timeout=PATIENCE) if on_gpu else None
    yield
    distributed.destroy_process_group()


def refuse_missing_gpus(wanted: int) -> None:
    """Refuse a training on more GPUs than there are.

    Raises:
        ConfigError: With the next step.
    """
    from torch import cuda

    if cuda.device_count() < wanted:
        raise ConfigError(
            f"resources: a model that trains on {wanted} GPUs must find as many, but torch sees {cuda.device_count()} "
            "here. Ask for fewer; or, for processes on the CPU, say `device: cpu` and in place of gpus "
            f"`resources: {{processes: {wanted}}}`."
        )


def parallel(model: "nn.Module") -> "nn.Module":
    """The model with gradients averaged over the processes; itself where one trains alone."""
    if world_size() == 1:
        return model
    from torch.nn.parallel import DistributedDataParallel

    return DistributedDataParallel(model, find_unused_parameters=True)


def bare(model: Any) -> Any:
    """A model without what averages its gradients."""
    from torch.nn.parallel import DistributedDataParallel

    return model.module if isinstance(model, DistributedDataParallel) else model


def agreed_to_stop() -> bool:
    """Whether somebody asked any of the processes to stop; all get the same answer, once all have asked."""
    if world_size() == 1:
        return job_should_stop()
    import torch
    from torch import distributed

    asked = torch.tensor([job_should_stop()], dtype=torch.int32)
    distributed.all_reduce(asked, distributed.ReduceOp.MAX, _talk["group"])
    return bool(asked)


def mean_of(values: Mapping[str, float]) -> dict[str, float]:
    """Numbers of all processes under the same names, averaged."""
    if world_size() == 1:
        return dict(values)
    import torch
    from torch import distributed

    total = torch.tensor(list(values.values()), dtype=torch.float64)
    distributed.all_reduce(total, group=_talk["group"])
    return dict(zip(values, (total / world_size()).tolist(), strict=True))
