"""The experiment file: its settings, overrides of the command line, and how it is read."""

from bunri.config.data_settings import DataSettings, Selection
from bunri.config.experiment_file import EarlyStopping, EngineSettings, Experiment
from bunri.config.loading import load_experiment
from bunri.config.model_settings import ExtraSettings, ModelSettings, ResourceSettings

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
