"""A Ray cluster of several nodes on this machine."""

from collections.abc import Iterator
from typing import Any

import pytest

from bunri.cluster import crew_on
from bunri.experiment.crew import OpenCrew
from experiment_files import TESTS

ONE_RUN_EACH = {"num_cpus": 1, "node_ip_address": "127.0.0.1", "object_store_memory": 80_000_000}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head that runs nothing, and two nodes with room for one run each."""
    ray = pytest.importorskip("ray", reason="pip install 'bunri[ray]'")
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        patch.setattr("ray._private.services.get_node_ip_address", lambda address=None: "127.0.0.1")
        patch.chdir(TESTS)
        made = Cluster(initialize_head=True, head_node_args={**ONE_RUN_EACH, "num_cpus": 0, "include_dashboard": False})
        try:
            for _ in range(2):
                made.add_node(**ONE_RUN_EACH)
            patch.setenv("RAY_ADDRESS", made.address)
            ray.init(address="auto", log_to_driver=False)
            yield made
        finally:
            ray.shutdown()
            made.shutdown()


@pytest.fixture
def on_ray(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenCrew]:
    monkeypatch.chdir(TESTS)  # where the fake engine is
    with crew_on("ray") as open_crew:
        yield open_crew
