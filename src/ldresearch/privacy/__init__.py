"""Who may see what: pseudonyms at the door in, ``publish`` at the door out, a gate at the page.

The door works on frames and loads what they need when it is first used; the gate needs none of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ldresearch.privacy.gate import check_payload

if TYPE_CHECKING:
    from ldresearch.privacy.door import pass_on, publish

__all__ = ["check_payload", "pass_on", "publish"]


def __getattr__(name: str) -> Any:
    if name in ("pass_on", "publish"):
        from ldresearch.privacy import door

        return getattr(door, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
