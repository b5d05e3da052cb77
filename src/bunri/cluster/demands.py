"""What a run asks a cluster for, and what the nodes of the cluster have."""

from collections.abc import Mapping, Sequence
from typing import Any

from bunri.config import Experiment, ModelSettings
from bunri.engines.base import Job
from bunri.experiment.schedule import Room


def nodes_of(answer: Sequence[Mapping[str, Any]]) -> tuple[Room, ...]:
    """The living nodes of ``ray.nodes()``."""
    return tuple(_room(node["Resources"]) for node in answer if node["Alive"])


def _room(resources: Mapping[str, float]) -> Room:
    return Room(resources.get("CPU", 0.0), resources.get("GPU", 0.0), resources.get("memory", 0.0))


def demand_of(experiment: Experiment, model: ModelSettings, nodes: Sequence[Room]) -> Room:
    """What a run of the model takes, with what the settings leave open decided by the cluster."""
    wanted, gpus = model.resources, model.resources.gpus
    processes = wanted.training_processes
    if gpus is None:
        has_gpus = any(node.gpus >= 1 for node in nodes)
        gpus = float(processes * (experiment.device == "cuda" or (experiment.device == "auto" and has_gpus)))
    return Room(wanted.cpus or experiment.threads or processes, gpus, (wanted.memory_gb or 0.0) * 1e9)


def options_of(demand: Room) -> dict[str, Any]:
    """The demand in Ray's words."""
    return {"num_cpus": demand.cpus, "num_gpus": demand.gpus, "memory": int(demand.memory) or None}


def job_within(experiment: Experiment, job: Job, demand: Room) -> Job:
    """The job with threads for the cores it has; one without a GPU must not take one that is another's."""
    threads = experiment.threads or int(demand.cpus)
    device = "cpu" if demand.gpus == 0 and job.device == "auto" else job.device
    return job.model_copy(update={"threads": threads, "device": device})
