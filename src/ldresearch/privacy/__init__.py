"""Who may see what: pseudonyms at the door in, ``publish`` at the door out, a gate at the page."""

from ldresearch.privacy.door import pass_on, publish
from ldresearch.privacy.gate import check_payload

__all__ = ["check_payload", "pass_on", "publish"]
