"""Published -> plain words. One module an analysis; ``words`` and the headline serve them all.

Every view here has one signature: it takes published results, the first of which is told and the
others of which it may compare, and returns one or a few sentences. ``headline`` alone returns a
:class:`Headline`: the finding, up to four numbers, the decision. Where there is not enough data
the sentence says what is missing. :func:`ldresearch.views.resolve` finds a view by its name.

Examples
--------
>>> import pandas as pd
>>> from ldresearch import sentences
>>> from ldresearch.models import adoption
>>> from ldresearch.privacy import publish
>>> frame = pd.DataFrame({"step": ["employed", "active", "value"], "order": [0, 1, 2],
...                       "n_reached": [100, 60, 15], "n_of": [100, 100, 60]})
>>> found = publish(adoption.funnel(frame))
>>> sentences.adoption.reach(found).split(". ")[0]
'60 % of those with access have been active and 25 % of the active got value'
"""

from ldresearch._lazy import modules
from ldresearch.sentences import words
from ldresearch.sentences._headline import Card, Headline

__all__ = ["Card", "Headline", "words"]

__getattr__, __dir__ = modules(__name__, __path__)
