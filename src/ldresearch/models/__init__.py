"""From a plain frame to a Result; nothing of the log is known here."""

from ldresearch._lazy import modules

__getattr__, __dir__ = modules(__name__, __path__)
