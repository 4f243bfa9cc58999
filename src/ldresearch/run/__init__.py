"""From a notebook to a published report: parameters, a private run, the page, the move into place.

Nothing here decides a number; it decides whether a page may be seen.
"""
