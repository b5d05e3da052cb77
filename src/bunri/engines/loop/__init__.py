"""A training loop for model libraries that have none: a library brings a detector, the loop does the rest.

:class:`bunri.engines.loop.detector.Detector` says what a library brings, :class:`bunri.engines.loop.engine.LoopEngine`
makes an engine of it. Order, augmentation, optimizer, schedule, accumulation, clipping, moving average, mixed
precision, validation, checkpoints, resuming and stopping are the loop's, the same for every library.
"""
