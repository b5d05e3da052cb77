"""Scoring predictions against annotated truth."""
