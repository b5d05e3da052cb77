from pathlib import Path
from typing import Any

import pytest

from bunri.cluster.connecting import address_of, crew_on
from bunri.cluster.demands import demand_of, job_within, nodes_of, options_of
from bunri.config import load_experiment
from bunri.errors import UsageError
from bunri.experiment.crew import LocalCrew
from bunri.experiment.schedule import Room
from experiment_files import make_job, write_experiment

WITH_GPU = (Room(8, 2, 64e9), Room(4, 0, 16e9))
WITHOUT = (Room(4, 0, 16e9),)


def demanded(folder: Path, nodes: tuple[Room, ...], *overrides: str) -> Room:
    experiment = load_experiment(write_experiment(folder), overrides)
    return demand_of(experiment, experiment.models[0], nodes)


@pytest.mark.parametrize(
    ("nodes", "overrides", "expected"),
    [
        (WITH_GPU, (), Room(1, 1)),
        (WITHOUT, (), Room(1, 0)),
        (WITH_GPU, ("device=cpu",), Room(1, 0)),
        (WITHOUT, ("device=cuda",), Room(1, 1)),
        (WITH_GPU, ("threads=3",), Room(3, 1)),
        (WITH_GPU, ("models.exact.resources.gpus=0.5", "models.exact.resources.cpus=2"), Room(2, 0.5)),
        (WITHOUT, ("models.exact.resources.memory_gb=6",), Room(1, 0, 6e9)),
        (WITH_GPU, ("models.exact.resources.gpus=2",), Room(2, 2)),
        (WITH_GPU, ("models.exact.resources.gpus=2", "models.exact.resources.cpus=8"), Room(8, 2)),
        (WITH_GPU, ("models.exact.resources.processes=2",), Room(2, 2)),
        (WITHOUT, ("models.exact.resources.processes=2",), Room(2, 0)),
    ],
)
def test_what_the_settings_leave_open_the_cluster_decides(
    tmp_path: Path, nodes: tuple[Room, ...], overrides: tuple[str, ...], expected: Room
) -> None:
    assert demanded(tmp_path, nodes, *overrides) == expected


def test_dead_nodes_hold_nothing() -> None:
    alive: dict[str, Any] = {"Alive": True, "Resources": {"CPU": 4.0, "memory": 16e9, "node:10.0.0.2": 1.0}}
    dead = {"Alive": False, "Resources": {"CPU": 64.0}}
    assert nodes_of([alive, dead]) == (Room(4.0, 0.0, 16e9),)


def test_a_demand_in_the_words_of_ray() -> None:
    assert options_of(Room(2, 0.5, 3e9)) == {"num_cpus": 2, "num_gpus": 0.5, "memory": 3_000_000_000}
    assert options_of(Room(1)) == {"num_cpus": 1, "num_gpus": 0, "memory": None}


def test_a_job_has_threads_for_its_cores_and_takes_no_gpu_of_another(tmp_path: Path) -> None:
    experiment = load_experiment(write_experiment(tmp_path))
    job = make_job(tmp_path)
    assert (job_within(experiment, job, Room(4, 1)).threads, job_within(experiment, job, Room(4, 1)).device) == (
        4,
        "auto",
    )
    assert job_within(experiment, job, Room(1, 0)).device == "cpu"
    chosen = experiment.model_copy(update={"threads": 2})
    assert job_within(chosen, job, Room(8)).threads == 2


@pytest.mark.parametrize(
    ("place", "address"),
    [
        ("ray", "auto"),
        ("ray://head", "ray://head:10001"),
        ("ray://10.0.0.1:7000", "ray://10.0.0.1:7000"),
        ("ray://[::1]:7000", "ray://[::1]:7000"),
    ],
)
def test_addresses(place: str, address: str) -> None:
    pytest.importorskip("ray", reason="pip install 'bunri[ray]'")
    assert address_of(place) == address


@pytest.mark.parametrize("place", ["spark", "ray:", "ray://", "ray://a b", "ray://head:port", "RAY"])
def test_other_places_are_refused(place: str) -> None:
    with pytest.raises(UsageError, match="--on must be ray"), crew_on(place):
        pass


def test_no_place_is_this_machine() -> None:
    with crew_on(None) as open_crew:
        assert open_crew is LocalCrew
