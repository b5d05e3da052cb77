"""Experiments: what is to run and what is done."""
