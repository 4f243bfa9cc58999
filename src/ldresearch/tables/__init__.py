"""Published -> a table of words. One module an analysis; ``Table`` and ``of`` serve them all."""

from ldresearch._lazy import modules
from ldresearch.tables._table import Col, Table, of

__all__ = ["Col", "Table", "of"]

__getattr__, __dir__ = modules(__name__, __path__)
