"""Trained models look at photos: which runs a path stands for, which photos, and what is found on them."""

from bunri.inference.models import TrainedModel, trained_model
from bunri.inference.photo_sets import PhotoSet, photos_of, write_numbers
from bunri.inference.predicting import predict

__all__ = ["PhotoSet", "TrainedModel", "photos_of", "predict", "trained_model", "write_numbers"]
