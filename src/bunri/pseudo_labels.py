"""Confident predictions as annotations."""
