"""Published -> plain words. One module an analysis; ``words`` and the headline serve them all."""

from ldresearch._lazy import modules
from ldresearch.sentences import words
from ldresearch.sentences._headline import Card, Headline

__all__ = ["Card", "Headline", "words"]

__getattr__, __dir__ = modules(__name__, __path__)
