"""Published -> matplotlib Axes. One module an analysis; ``style`` and ``svg`` serve them all."""

from ldresearch._lazy import modules

__getattr__, __dir__ = modules(__name__, __path__)
