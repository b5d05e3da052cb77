"""Where runs are to run: ``ray`` or ``ray://HOST:PORT``, and the way there."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from bunri.config import Experiment
from bunri.errors import MissingPackageError, UsageError
from bunri.experiment.crew import Crew, LocalCrew, OpenCrew

CLIENT_PORT = 10001
"""Where ``ray start --head`` lets clients in."""


@contextmanager
def crew_on(place: str | None) -> Iterator[OpenCrew]:
    """What runs an experiment: this machine, or a Ray cluster, which is only called when the first run is due.

    Args:
        place: None for this machine; ``ray`` for the cluster this machine is a node of, or the one in
            ``RAY_ADDRESS``; ``ray://HOST`` or ``ray://HOST:PORT`` for the cluster whose head is there.

    Raises:
        UsageError: There is no such place, or nothing answers there.
        MissingPackageError: Ray is not installed.
    """
    if place is None:
        yield LocalCrew
        return
    address = address_of(place)
    import ray

    was_connected = ray.is_initialized()

    def open_crew(experiment: Experiment, facts: dict[str, Any]) -> Crew:
        from bunri.cluster.ray_crew import RayCrew

        _connect(place, address)
        return RayCrew(experiment, facts)

    try:
        yield open_crew
    finally:
        if not was_connected:
            ray.shutdown()


def address_of(place: str) -> str:
    """What Ray calls the place.

    Raises:
        UsageError: It is none.
        MissingPackageError: Ray is not installed.
    """
    found = re.fullmatch(r"ray(?:://([^/:\s]+|\[[^\]/\s]+\])(?::(\d{1,5}))?)?", place)
    if found is None:
        raise UsageError(f"--on must be ray, ray://HOST or ray://HOST:PORT, but got {place!r}")
    if find_spec("ray") is None:
        raise MissingPackageError(f"--on {place}: needs ray, which is not installed: pip install 'bunri[ray]'")
    host, port = found.groups()
    return "auto" if host is None else f"ray://{host}:{port or CLIENT_PORT}"


def _connect(place: str, address: str) -> None:
    import ray

    if ray.is_initialized():
        return
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError) as error:  # one for each way it finds nobody
        raise UsageError(
            f"--on {place}: a Ray cluster must be there, but none answers: {_first_line(error)}. "
            "Start one with `ray start --head`, its other nodes with `ray start --address HOST:6379`."
        ) from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".")
