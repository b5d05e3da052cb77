"""Engines of the tests that ask for more memory than they may have, the first time they train."""

import os
import resource
from pathlib import Path

import numpy as np

from bunri.engines.base import Job
from bunri.events import Emit
from fake_engine import FakeEngine

CAGE = "BUNRI_TEST_CGROUP"
"""Environment variable with the folder of a cgroup whose memory is limited."""


class Limited(FakeEngine):
    """Meets a limit of the process, and gets a real MemoryError."""

    def train(self, job: Job, emit: Emit) -> None:
        if not job.resume and not job.folder.checkpoint_file("last").exists():
            used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
            super().train(job, emit)
            resource.setrlimit(resource.RLIMIT_AS, (used + 2**27, resource.RLIM_INFINITY))
            np.ones(2**27)
        super().train(job, emit)


class Caged(FakeEngine):
    """Grows until the kernel kills it."""

    def train(self, job: Job, emit: Emit) -> None:
        if not job.resume:
            super().train(job, emit)
            (Path(os.environ[CAGE]) / "cgroup.procs").write_text(str(os.getpid()))
            eaten = [np.ones(2**21) for _ in range(64)]
            raise AssertionError(f"the kernel let {len(eaten)} x 16 MiB pass")
        super().train(job, emit)
