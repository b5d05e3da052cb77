"""The experiment file: its settings, overrides of the command line, and how it is read."""

from bunri.config.experiment_file import (
    DataSettings,
    EarlyStopping,
    EngineSettings,
    Experiment,
    ExtraSettings,
    ModelSettings,
    ResourceSettings,
    Selection,
)
from bunri.config.loading import load_experiment

__all__ = [
    "DataSettings",
    "EarlyStopping",
    "EngineSettings",
    "Experiment",
    "ExtraSettings",
    "ModelSettings",
    "ResourceSettings",
    "Selection",
    "load_experiment",
]
