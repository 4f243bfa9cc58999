"""How much room texts take: the same whoever draws them, and measured once."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from matplotlib.backend_bases import RendererBase

if TYPE_CHECKING:
    from matplotlib.font_manager import FontProperties

POINTS_PER_INCH = 72
"""Dots per inch of a figure while it is laid out or written: a unit is a point."""


class Ruler(RendererBase):  # type: ignore[misc, unused-ignore]
    """What artists lay themselves out with; it draws nothing.

    A figure is laid out several times and most of its texts stay the same, at every width and from
    one figure to the next, so their sizes are kept. Letters are measured without the hints that
    move them onto the dots of one screen: nobody knows which screen it will be.
    """

    def points_to_pixels(self, points: Any) -> Any:
        """Return the same: a unit is a point."""
        return points

    def get_text_width_height_descent(
        self, s: str, prop: FontProperties, ismath: Any
    ) -> tuple[float, float, float]:
        """Return the points a text takes: across, up, and of those below its line."""
        # A key has to stay what it is, and the text may change its font.
        return _size(s, prop.copy(), ismath)


@lru_cache(maxsize=1 << 12)
def _size(said: str, font: FontProperties, ismath: Any) -> tuple[float, float, float]:
    across, up, below = RendererBase.get_text_width_height_descent(_PLAIN, said, font, ismath)
    return float(across), float(up), float(below)


class _Plain(RendererBase):  # type: ignore[misc, unused-ignore]
    def points_to_pixels(self, points: Any) -> Any:
        return points


_PLAIN = _Plain()
