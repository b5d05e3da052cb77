"""Fusing the predictions of several models."""
