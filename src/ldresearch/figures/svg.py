"""Axes to inline SVG that follows the page: its font, its colours, its dark mode, its printer.

Matplotlib's own SVG backend draws letters as outlines or repeats their style, gives every artist a
group, and names clip paths at random: 30 to 100 KB a figure. Here the artists draw themselves
through a renderer that writes only what a reader sees.
"""

from __future__ import annotations

import base64
import io
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ldresearch.figures import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Points = np.ndarray[Any, np.dtype[np.float64]]

NARROW: Final = 3.9
"""Inches: the width at which letters stay readable when a telephone shows a figure whole."""

_NAMES: Final = {colour: name for name, colour in style.PALETTE.items()}
_TOLERANCE = 0.06  # of a point: less than a pixel on the densest screen
_GAP = 3.0  # points that neighbouring labels of an axis keep apart
_ANCHORS = {"left": "", "center": "middle", "right": "end"}
_PARTS = {"": 0.0, "middle": 0.5, "end": 1.0}
"""How much of a word stands before its place."""


def render(axes: Axes, *, title: str, desc: str, prefix: str, width: float = style.WIDTH) -> str:
    """Draw a figure as compact inline SVG.

    Parameters
    ----------
    axes : Axes
        Made by a view in the house style.
    title, desc : str
        Its short name and its description, read out instead of the picture.
    prefix : str
        Begins every id, so that many figures can stand on one page. A content hash keeps the
        page the same for the same input.
    width : float
        Inches; :data:`NARROW` for telephones. Labels of an axis that would touch are thinned out.

    Returns
    -------
    str
        One ``<svg>`` element. Text stays text in the page's font; each colour of the palette is
        ``var(--name, #rrggbb)``; no clip paths, no style sheet, no script, nothing loaded.

    Examples
    --------
    >>> ax = style.axes()
    >>> drawn = render(style.bars(ax, ["Sales"], [3]), title="Starts", desc="", prefix="f0")
    >>> drawn.startswith('<svg class="fig" viewBox="0 0 417.6 '), "Sales" in drawn
    (True, True)
    """
    with _any_script():
        # One look at the margins is nearly always enough, and what is drawn shows whether it was.
        canvas = _drawn(style.fit(axes, width, most=1), prefix)
        if not canvas.holds():
            canvas = _drawn(style.fit(axes, width), prefix)
    names = f'<title id="{prefix}t">{escape(title, quote=False)}</title>'
    labelled = f"{prefix}t"
    if desc:
        names += f'<desc id="{prefix}d">{escape(desc, quote=False)}</desc>'
        labelled += f" {prefix}d"
    return (
        f'<svg class="fig" viewBox="0 0 {_n(canvas.wide)} {_n(canvas.high)}" role="img" '
        f'aria-labelledby="{labelled}" font-size="{_n(style.FONT)}" fill="none">'
        f"{names}{canvas.markup()}</svg>"
    )


def png(axes: Axes, *, dots_per_inch: int = 150) -> str:
    """Draw a figure as a picture for JupyterLab: base64 text of a PNG without a date."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    file = io.BytesIO()
    with _any_script():
        figure = style.fit(axes)
        before = figure.dpi
        figure.set_facecolor(style.PALETTE["paper"])
        try:
            figure.dpi = dots_per_inch
            FigureCanvasAgg(figure).print_png(file, metadata={"Software": None})
        finally:
            figure.dpi = before
    return base64.b64encode(file.getvalue()).decode("ascii")


@contextmanager
def _any_script() -> Iterator[None]:
    """Quiet what matplotlib says of letters its own font lacks: the reader's font has them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+")
        yield


def _drawn(figure: Figure, prefix: str) -> _Canvas:
    from ldresearch.figures.ruler import POINTS_PER_INCH

    wide, high = (float(inches) * POINTS_PER_INCH for inches in figure.get_size_inches())
    before, patch = figure.dpi, figure.patch.get_visible()
    canvas = _Canvas(wide, high, prefix)
    try:
        figure.dpi = POINTS_PER_INCH
        figure.patch.set_visible(False)
        figure.draw(_renderer(canvas))
    finally:
        figure.dpi = before
        figure.patch.set_visible(patch)
    return canvas


# What was drawn -----------------------------------------------------------------------------


@dataclass(slots=True)
class _Shape:
    """One path or circle; strokes of the same look are joined into one path."""

    look: str
    data: str
    is_path: bool
    joins: bool
    group: int


@dataclass(slots=True)
class _Word:
    look: str
    x: float
    y: float
    said: str
    wide: float
    turn: str
    anchor: str

    @property
    def left(self) -> float:
        """Where it begins, whatever part of it stands at ``x``."""
        return self.x - self.wide * _PARTS[self.anchor]

    def is_within(self, wide: float) -> bool:
        """Whether it stands between the sides; no eye sees half a point."""
        return self.left >= -0.5 and self.left + self.wide <= wide + 0.5


@dataclass(slots=True)
class _Canvas:
    """Collects shapes and words, then writes them: shapes first, words on top."""

    wide: float
    high: float
    prefix: str
    shapes: list[_Shape] = field(default_factory=list)
    words: list[_Word] = field(default_factory=list)
    patterns: dict[str, str] = field(default_factory=dict)
    group: int = 0
    """Number of the axis being drawn; 0 outside."""
    n_groups: int = 0

    def add(self, look: str, data: str, *, is_path: bool = True, joins: bool = False) -> None:
        if joins:
            for shape in self._joinable():
                if shape.look == look and shape.joins:
                    shape.data += data
                    return
        self.shapes.append(_Shape(look, data, is_path, joins, self.group))

    def _joinable(self) -> Iterable[_Shape]:
        """Shapes that a stroke may be joined to without changing what lies on top."""
        if not self.group:
            return self.shapes[-1:]
        return (shape for shape in self.shapes if shape.group == self.group)

    def holds(self) -> bool:
        """Whether every word that lies flat stands within the edges."""
        return all(
            word.is_within(self.wide) and 0 <= word.y <= self.high
            for word in self.words
            if not word.turn
        )

    def pattern(self, colour: str) -> str:
        """Id of a hatching in a colour."""
        return self.patterns.setdefault(colour, f"{self.prefix}h{len(self.patterns) or ''}")

    def markup(self) -> str:
        parts = [
            f'<pattern id="{name}" width="5" height="5" patternUnits="userSpaceOnUse">'
            f'<path d="M-1 1l2-2M0 5l5-5M4 6l2-2" {colour} stroke-width=".6"/></pattern>'
            for colour, name in self.patterns.items()
        ]
        parts += _grouped((s.look, _element(s)) for s in self.shapes)
        words = (_brought_in(word, self.wide) for word in _thinned(self.words))
        said = sorted(words, key=lambda w: w.look)
        parts += _grouped((w.look, _text(w)) for w in said)
        return "".join(parts)


def _grouped(items: Iterable[tuple[str, str]]) -> list[str]:
    """Write runs of elements of one look as a group that carries it once."""
    found: list[tuple[str, list[str]]] = []
    for look, element in items:
        if found and found[-1][0] == look:
            found[-1][1].append(element)
        else:
            found.append((look, [element]))
    return [
        f"<g {look}>{''.join(elements)}</g>"
        if len(elements) > 1
        else elements[0].replace(" ", f" {look} ", 1)
        for look, elements in found
    ]


def _element(shape: _Shape) -> str:
    return f'<path d="{shape.data}"/>' if shape.is_path else f"<circle {shape.data}/>"


def _text(word: _Word) -> str:
    place = f'x="{_n(word.x)}" y="{_n(word.y)}"{word.turn}'
    return f"<text {place}>{escape(word.said, quote=False)}</text>"


def _brought_in(word: _Word, wide: float) -> _Word:
    """Keep a word from being cut off at the sides, where margins have no more room to give.

    One that has room is moved; one that has none ends in an ellipsis instead of beginning beyond
    the edge: the table below the figure says it whole.
    """
    if word.turn or word.is_within(wide):
        return word
    if word.anchor == "middle":
        half = min(word.wide, wide) / 2
        word = replace(word, x=min(max(word.x, half), wide - half))
        if word.wide <= wide:
            return word
    room = {"": wide - word.x, "end": word.x}.get(word.anchor, wide)
    said = _cut(word.said, max(int(len(word.said) * room / word.wide) - 1, 0))
    return replace(word, said=said, wide=min(room, word.wide))


def _cut(said: str, n: int) -> str:
    """Shorten a text to about ``n`` letters; a number is left out rather than cut to another."""
    kept = said[:n]
    whole, _, part = kept.rpartition(" ")
    meant = said[len(whole) :].strip().partition(" ")[0]
    if part != meant and any(map(str.isdigit, meant)):
        kept = whole
    return kept.rstrip(" …(") + "…"


def _thinned(words: Sequence[_Word]) -> list[_Word]:
    """Leave out every second label of an axis, and what stands under it, until none touch.

    Only centred words in rows are thinned: ticks of the time axis and numbers at risk, which share
    their places; all rows lose the same ones.
    """
    rows: dict[float, list[_Word]] = {}
    for word in words:
        if word.anchor == "middle" and not word.turn:
            rows.setdefault(round(word.y), []).append(word)
    lines = [sorted(row, key=lambda w: w.x) for row in rows.values() if len(row) > 2]
    every = 1
    while every < 8 and any(_touch(line[::every]) for line in lines):
        every *= 2
    kept = {id(word) for line in lines for word in line[::every]}
    dropped = {id(word) for line in lines for word in line} - kept
    return [word for word in words if id(word) not in dropped]


def _touch(line: Sequence[_Word]) -> bool:
    return any(
        right.x - right.wide / 2 - left.x - left.wide / 2 < _GAP for left, right in pairwise(line)
    )


# The renderer -------------------------------------------------------------------------------


def _renderer(canvas: _Canvas) -> Any:
    """Make the object that matplotlib's artists draw themselves on."""
    from matplotlib.transforms import Affine2D

    from ldresearch.figures.ruler import Ruler

    flip = Affine2D().scale(1, -1).translate(0, canvas.high)

    class Renderer(Ruler):
        def get_canvas_width_height(self) -> tuple[float, float]:
            return canvas.wide, canvas.high

        def open_group(self, s: str, gid: str | None = None) -> None:
            if s == "matplotlib.axis":
                canvas.n_groups += 1
                canvas.group = canvas.n_groups

        def close_group(self, s: str) -> None:
            if s == "matplotlib.axis":
                canvas.group = 0

        def draw_path(self, gc: Any, path: Any, transform: Any, rgbFace: Any = None) -> None:
            fill, stroke, hatch = _fill(gc, rgbFace), _stroke(gc), gc.get_hatch()
            if not (fill or stroke or hatch):
                return
            lines = _polylines(path, transform + flip)
            lines = _within(lines, gc.get_clip_rectangle(), canvas.high, bool(fill or hatch))
            data = "".join(_data(line, closed) for line, closed in lines)
            if not data:
                return
            if hatch:
                colour = _paint("stroke", gc.get_hatch_color(), None)
                opacity = _opacity("", gc.get_alpha())
                canvas.add(f'fill="url(#{canvas.pattern(colour)})"{opacity}', data)
            if fill or stroke:
                look = " ".join(part for part in (fill, stroke) if part)
                canvas.add(look, data, joins=not fill and "opacity" not in stroke)

        def draw_markers(
            self, gc: Any, marker_path: Any, marker_trans: Any, path: Any, trans: Any,
            rgbFace: Any = None,
        ) -> None:  # fmt: skip
            # A tick is a line of two points: matplotlib gives it a filling that nobody can see.
            fill = _fill(gc, rgbFace) if len(marker_path.vertices) > 2 else ""
            stroke = _stroke(gc)
            look = " ".join(part for part in (fill, stroke) if part)
            clip, radius = gc.get_clip_rectangle(), _radius(marker_path, marker_trans)
            places = trans.transform(path.vertices)
            for x, y in places[np.isfinite(places).all(axis=1)]:
                if radius:
                    at = np.array([[x, canvas.high - y]])
                    if _inside(at, clip, canvas.high).all():
                        data = f'cx="{_n(x)}" cy="{_n(at[0, 1])}" r="{_n(radius)}"'
                        canvas.add(look, data, is_path=False)
                    continue
                # A shaded band comes here too: matplotlib draws a single polygon as a marker.
                lines = _polylines(marker_path, marker_trans + Affine2D().translate(x, y) + flip)
                lines = _within(lines, clip, canvas.high, bool(fill))
                data = "".join(_data(line, closed) for line, closed in lines)
                if data and look:
                    canvas.add(look, data, joins=not fill)

        def draw_image(self, gc: Any, x: float, y: float, im: Any, transform: Any = None) -> None:
            raise NotImplementedError("a figure of the house style holds no picture")

        def draw_text(
            self, gc: Any, x: float, y: float, s: str, prop: Any, angle: float,
            ismath: Any = False, mtext: Any = None,
        ) -> None:  # fmt: skip
            wide, _, _ = self.get_text_width_height_descent(s, prop, False)
            anchor = _ANCHORS[mtext.get_horizontalalignment() if mtext else "left"]
            part = _PARTS[anchor]
            radians = math.radians(angle)
            x, y = x + math.cos(radians) * wide * part, y - math.sin(radians) * wide * part
            turn = f' transform="rotate({_n(-angle)} {_n(x)} {_n(y)})"' if angle else ""
            look = _paint("fill", gc.get_rgb(), gc.get_alpha() if gc.get_forced_alpha() else None)
            look += f' text-anchor="{anchor}"' if anchor else ""
            if abs(prop.get_size_in_points() - style.FONT) > 0.01:
                look += f' font-size="{_n(prop.get_size_in_points())}"'
            if str(prop.get_weight()) in ("bold", "semibold", "heavy", "600", "700"):
                look += ' font-weight="600"'
            canvas.words.append(_Word(look, x, y, s, wide, turn, anchor))

    return Renderer()


# Looks --------------------------------------------------------------------------------------


def _paint(kind: str, colour: Any, alpha: float | None) -> str:
    """Write a colour as an attribute: by its name on the page, with its value to fall back on."""
    from matplotlib.colors import to_hex, to_rgba

    red, green, blue, own = to_rgba(colour)
    code = to_hex((red, green, blue))
    said = f"var(--{_NAMES[code]},{code})" if code in _NAMES else code
    return f'{kind}="{said}"{_opacity(kind, own if alpha is None else alpha)}'


def _opacity(kind: str, alpha: float | None) -> str:
    if alpha is None or alpha > 0.995:
        return ""
    return f' {kind}-opacity="{_n(alpha, 2)}"' if kind else f' opacity="{_n(alpha, 2)}"'


def _fill(gc: Any, face: Any) -> str:
    """Attributes of a filling; empty where there is none."""
    if face is None:
        return ""
    alpha = gc.get_alpha() if gc.get_forced_alpha() else (face[3] if len(face) > 3 else 1.0)
    return _paint("fill", tuple(face[:3]), alpha) if alpha > 0 else ""


def _stroke(gc: Any) -> str:
    """Attributes of a line; empty where there is none."""
    rgba = gc.get_rgb()
    alpha = gc.get_alpha() if gc.get_forced_alpha() else rgba[3]
    if gc.get_linewidth() <= 0 or alpha <= 0:
        return ""
    look = _paint("stroke", tuple(rgba[:3]), alpha)
    if abs(gc.get_linewidth() - 1) > 0.01:
        look += f' stroke-width="{_n(gc.get_linewidth())}"'
    _, dashes = gc.get_dashes()
    if dashes is not None:
        look += f' stroke-dasharray="{" ".join(_n(d) for d in dashes)}"'
    if gc.get_joinstyle() == "round" and gc.get_capstyle() == "round":
        look += ' stroke-linejoin="round"'
    return look


# Paths --------------------------------------------------------------------------------------


def _polylines(path: Any, transform: Any) -> list[tuple[Points, bool]]:
    """Cut a path into runs of finite points, each with whether it is closed."""
    found: list[tuple[Points, bool]] = []
    run: list[tuple[float, float]] = []

    def end(closed: bool = False) -> None:
        if len(run) > 1:
            found.append((np.array(run), closed))
        run.clear()

    clean = path.cleaned(transform=transform, remove_nans=False, curves=False)
    for (x, y), code in zip(clean.vertices, clean.codes, strict=True):
        if code == path.STOP:
            break
        if code == path.CLOSEPOLY:
            end(closed=True)
        elif not (math.isfinite(x) and math.isfinite(y)):
            end()
        else:
            if code == path.MOVETO:
                end()
            run.append((float(x), float(y)))
    end()
    return found


def _box(clip: Any, high: float) -> tuple[float, float, float, float] | None:
    """The clip rectangle with y growing downwards, and half a line's room around it."""
    if clip is None:
        return None
    x0, y0, x1, y1 = clip.extents
    return float(x0) - 1, high - float(y1) - 1, float(x1) + 1, high - float(y0) + 1


def _inside(places: Points, clip: Any, high: float) -> Any:
    box = _box(clip, high)
    if box is None:
        return np.ones(len(places), dtype=bool)
    x, y = places[:, 0], places[:, 1]
    return (x >= box[0]) & (x <= box[2]) & (y >= box[1]) & (y <= box[3])


def _within(
    lines: list[tuple[Points, bool]], clip: Any, high: float, is_filled: bool
) -> list[tuple[Points, bool]]:
    """Cut what lies outside the axes, so that no clip path is needed."""
    box = _box(clip, high)
    if box is None or all(bool(_inside(line, clip, high).all()) for line, _ in lines):
        return lines
    from matplotlib.path import Path
    from matplotlib.transforms import Bbox

    found: list[tuple[Points, bool]] = []
    for line, closed in lines:
        if is_filled:
            cut = Path(line).clip_to_bbox(Bbox.from_extents(*box))
            if np.size(cut.vertices):
                found += [(part, True) for part, _ in _polylines(cut, None)]
            continue
        drawn = np.vstack([line, line[:1]]) if closed else line
        cut = Path(drawn).cleaned(clip=box, remove_nans=True, curves=False)
        found += [(part, False) for part, _ in _polylines(cut, None)]
    return found


def _radius(path: Any, transform: Any) -> float:
    """Radius if a marker is a circle, else 0."""
    if path.codes is None or len(path.vertices) != 26:
        return 0.0
    box = path.get_extents(transform)
    return float(box.width / 2) if abs(box.width - box.height) < 0.01 else 0.0


def _data(line: Points, closed: bool) -> str:
    """Write a run of points as path data: relative, in tenths of a point."""
    if closed and len(line) > 2 and np.allclose(line[0], line[-1], atol=0.05):
        line = line[:-1]
    kept = line[_telling(line)]
    tenths = np.rint(kept * 10).astype(int)
    x, y = (int(v) for v in tenths[0])
    said = [f"M{_t(x)}{_join(_t(y))}"]
    last = ""
    for nx, ny in tenths[1:].tolist():
        dx, dy = nx - x, ny - y
        x, y = nx, ny
        if dx == 0 and dy == 0:
            continue
        command, numbers = ("h", [dx]) if dy == 0 else ("v", [dy]) if dx == 0 else ("l", [dx, dy])
        first, *rest = (_t(n) for n in numbers)
        said.append(command + first if command != last else _join(first))
        said += [_join(n) for n in rest]
        last = command
    return "".join(said) + ("z" if closed else "")


def _telling(line: Points) -> list[int]:
    """Indices of the points that shape a line (Ramer, Douglas and Peucker)."""
    kept, stack = {0, len(line) - 1}, [(0, len(line) - 1)]
    while stack:
        first, last = stack.pop()
        if last - first < 2:
            continue
        inner = line[first + 1 : last] - line[first]
        chord = line[last] - line[first]
        length = float(np.hypot(*chord))
        if length < 1e-9:
            distance = np.hypot(inner[:, 0], inner[:, 1])
        else:
            along = np.clip(inner @ chord / length**2, 0, 1)
            apart = inner - along[:, None] * chord
            distance = np.hypot(apart[:, 0], apart[:, 1])
        at = int(np.argmax(distance))
        if float(distance[at]) > _TOLERANCE:
            middle = first + 1 + at
            kept.add(middle)
            stack += [(first, middle), (middle, last)]
    return sorted(kept)


# Numbers ------------------------------------------------------------------------------------


def _n(value: float, places: int = 1) -> str:
    """Write a number as short as it can be."""
    said = f"{float(value):.{places}f}".rstrip("0").rstrip(".")
    said = "0" if said in ("", "-0") else said
    return said.replace("0.", ".", 1) if said.startswith(("0.", "-0.")) else said


def _t(tenths: int) -> str:
    return _n(tenths / 10)


def _join(said: str) -> str:
    """Put a number behind another: a minus needs no space before it."""
    return said if said.startswith("-") else f" {said}"
