"""The EfficientDet engine: effdet's models by its own keys, in bunri's training loop."""
