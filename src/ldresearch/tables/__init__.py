"""Published -> a table of words. One module an analysis; ``Table`` and ``of`` serve them all.

Every view here has one signature: it takes published results, the first of which is tabulated and
the others of which it may compare, and returns a :class:`Table` whose cells are words already.
It computes nothing, and says so in the cell where a number was hidden.
:func:`ldresearch.views.resolve` finds a view by its name.

Examples
--------
>>> import pandas as pd
>>> from ldresearch import tables
>>> from ldresearch.models import adoption
>>> from ldresearch.privacy import publish
>>> frame = pd.DataFrame({"step": ["employed", "active", "value"], "order": [0, 1, 2],
...                       "n_reached": [100, 60, 15], "n_of": [100, 100, 60]})
>>> found = publish(adoption.funnel(frame))
>>> tables.adoption.reach(found).rows[2]
('got value', '15', '60', '25 %', '16 %', '37 %')
"""

from ldresearch._lazy import modules
from ldresearch.tables._table import Col, Table, of

__all__ = ["Col", "Table", "of"]

__getattr__, __dir__ = modules(__name__, __path__)
