"""Detectron2 behind the engine's door: its configs, its trainers and hooks, our data and recipe."""
