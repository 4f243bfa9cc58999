"""Published -> matplotlib Axes. One module an analysis; ``style`` and ``svg`` serve them all.

Every view here has one signature: it takes published results, the first of which is drawn and the
others of which it may compare, and ``ax``, the axes to draw on (new ones by default). It returns
these axes. It computes nothing, asks nothing but what was published, and leaves a gap where a
number was hidden. :func:`ldresearch.views.resolve` finds a view by its name.

Examples
--------
>>> import pandas as pd
>>> from ldresearch import figures
>>> from ldresearch.models import adoption
>>> from ldresearch.privacy import publish
>>> frame = pd.DataFrame({"step": ["employed", "active", "value"], "order": [0, 1, 2],
...                       "n_reached": [100, 60, 15], "n_of": [100, 100, 60]})
>>> found = publish(adoption.funnel(frame))
>>> axes = figures.adoption.reach(found)
>>> [round(bar.get_width()) for bar in axes.patches]
[100, 60, 15]
"""

from ldresearch._lazy import modules

__getattr__, __dir__ = modules(__name__, __path__)
