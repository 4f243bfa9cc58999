"""From a log to a frame of one declared grain, pushed down to the engine."""

from ldresearch._lazy import modules

__getattr__, __dir__ = modules(__name__, __path__)
