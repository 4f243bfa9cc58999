"""Figures as SVG: small, safe, the same each time, in the page's colours and letters."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest

from ldresearch.figures import style, svg

NS = "{http://www.w3.org/2000/svg}"


def parsed(drawn: str) -> ElementTree.Element:
    return ElementTree.fromstring(drawn.replace("<svg ", f'<svg xmlns="{NS[1:-1]}" ', 1))  # noqa: S314


def draw(ax: Any, **options: Any) -> str:
    return svg.render(ax, title="Starts", desc="By week", prefix="f1", **options)


def curves(groups: int = 3, weeks: int = 36) -> Any:
    ax = style.axes()
    x = list(range(weeks))
    ends = []
    for i in range(groups):
        y = [(w / weeks) * (0.9 - 0.2 * i) for w in x]
        style.line(ax, x, y, style.series(i), step=True)
        style.band(ax, x, [v - 0.05 for v in y], [v + 0.05 for v in y], style.series(i), step=True)
        ends.append((x[-1], y[-1], f"group {i}", style.series(i)))
    ax.set_xlabel("weeks")
    ax.set_ylabel("people who started")
    style.percent_axis(ax.yaxis)
    style.hatch_incomplete(ax, weeks - 3, weeks - 1)
    style.label_ends(ax, ends)
    style.risk_table(ax, [0, 12, 24, 36], {"a": [400, 300, 200, 100], "b": [400, 300, None, 5]})
    return ax


def test_is_small_well_formed_and_the_same_each_time() -> None:
    drawn = draw(curves())
    parsed(drawn)
    assert len(drawn.encode()) < 6_000
    assert draw(curves()) == drawn
    ax = curves()
    assert draw(ax) == draw(ax) == drawn  # drawing twice changes nothing


def test_text_is_text_and_said_once() -> None:
    root = parsed(draw(curves()))
    texts = ["".join(t.itertext()) for t in root.iter(f"{NS}text")]
    for said in ("weeks", "people who started", "group 0", "people at risk", "400", "50 %"):
        assert said in texts
    assert root.find(f"{NS}title").text == "Starts"  # type: ignore[union-attr]
    assert root.find(f"{NS}desc").text == "By week"  # type: ignore[union-attr]
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-labelledby"] == "f1t f1d"


def test_holds_no_style_sheet_clip_or_outside_reference() -> None:
    drawn = draw(curves())
    root = parsed(drawn)
    tags = {e.tag.removeprefix(NS) for e in root.iter()}
    assert tags <= {"svg", "title", "desc", "g", "path", "circle", "text", "pattern"}
    assert all(i.startswith("f1") for i in re.findall(r'id="([^"]+)"', drawn))
    assert set(re.findall(r"url\(([^)]+)\)", drawn)) == {"#f1h"}
    assert "http" not in drawn


def test_colours_of_the_palette_follow_the_page() -> None:
    drawn = draw(curves())
    colours = set(re.findall(r'(?:fill|stroke)="(#[^"]+)"', drawn))
    assert colours == set()  # every one is a variable with the colour to fall back on
    assert f"var(--main,{style.PALETTE['main']})" in drawn
    assert 'fill-opacity=".16"' in drawn  # the interval is there


def test_an_unfinished_period_is_hatched() -> None:
    root = parsed(draw(curves()))
    [pattern] = root.iter(f"{NS}pattern")
    hatched = [e for e in root.iter(f"{NS}path") if e.attrib.get("fill") == "url(#f1h)"]
    assert pattern.attrib["id"] == "f1h"
    assert len(hatched) == 1


def test_coordinates_have_one_decimal() -> None:
    numbers = re.findall(r"\.\d+", "".join(re.findall(r' d="([^"]+)"', draw(curves()))))
    assert numbers
    assert all(len(n) == 2 for n in numbers)


@pytest.mark.parametrize(
    "label", ['</svg><script>alert("x")</script>', "R&D", "$5 or $6", "a" * 90, "Ünïts 部門", "_x"]
)
def test_any_label_stays_a_label(label: str) -> None:
    ax = style.bars(None, [label, "other"], [3, 4])
    drawn = svg.render(ax, title=label, desc=label, prefix="f1")
    root = parsed(drawn)
    assert "script" not in {e.tag.removeprefix(NS) for e in root.iter()}
    texts = ["".join(t.itertext()) for t in root.iter(f"{NS}text")]
    shown = style.text(label, 34).replace("\\$", "$")
    assert shown in texts


def test_what_lies_outside_the_axes_is_cut() -> None:
    ax = style.axes()
    style.line(ax, [0, 10], [0, 10])
    style.band(ax, [0, 10], [0, 5], [10, 20], "main")
    ax.set_xlim(0, 5)
    ax.set_ylim(0, 5)
    root = parsed(draw(ax))
    width, height = (float(v) for v in root.attrib["viewBox"].split()[2:])
    for path in root.iter(f"{NS}path"):
        for x, y in points(path.attrib["d"]):
            assert -0.5 <= x <= width + 0.5
            assert -0.5 <= y <= height + 0.5


def points(data: str) -> list[tuple[float, float]]:
    """Follow path data of M, l, h, v and z."""
    found, x, y = [], 0.0, 0.0
    for command, rest in re.findall(r"([MlhvzL])([^MlhvzL]*)", data):
        numbers = [float(n) for n in re.findall(r"-?(?:\d+\.?\d*|\.\d+)", rest)]
        if command == "M":
            x, y = numbers[:2]
            found.append((x, y))
        step = {"h": 1, "v": 1, "l": 2}.get(command, 0)
        for i in range(0, len(numbers) if step else 0, step or 1):
            x += numbers[i] if command in "hl" else 0
            y += numbers[i] if command == "v" else numbers[i + 1] if command == "l" else 0
            found.append((x, y))
    return found


def test_a_line_goes_where_its_numbers_say() -> None:
    ax = style.axes()
    style.line(ax, [0, 1, 2, 3], [0, 1, None, 2])
    ax.set_xlim(0, 3)
    ax.set_ylim(0, 2)
    root = parsed(draw(ax))
    [line] = [p.attrib["d"] for p in root.iter(f"{NS}path")
              if "--main" in p.attrib.get("stroke", "")]  # fmt: skip
    figure = ax.get_figure()
    height = figure.get_size_inches()[1] * 72
    to_points = 72 / figure.dpi
    expected = [
        (x * to_points, height - y * to_points)
        for x, y in (ax.transData.transform(p) for p in [(0, 0), (1, 1)])
    ]
    for got, want in zip(points(line), expected, strict=True):
        assert got == pytest.approx(want, abs=0.11)


def test_points_are_circles_and_strokes_are_joined() -> None:
    ax = style.forest(None, ["a", "b", "c"], [1, 2, 3], [0.5, 1.5, 2.5], [1.5, 2.5, 3.5])
    drawn = draw(ax)
    assert drawn.count("<circle") == 3
    grid = [p for p in re.findall(r"<path[^>]*>", drawn) if "--rule" in p]
    assert len(grid) == 1


def texts(drawn: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", drawn)


def test_a_narrow_figure_keeps_letters_and_thins_labels() -> None:
    wide_ax, narrow_ax = style.axes(), style.axes()
    for ax in (wide_ax, narrow_ax):
        style.line(ax, [0, 400], [0, 1])
        ax.set_xlabel("days")
        style.risk_table(ax, list(range(0, 401, 40)), {"": [1000] * 11})
    wide, narrow = draw(wide_ax), draw(narrow_ax, width=svg.NARROW)
    assert 'viewBox="0 0 417.6' in wide
    assert 'viewBox="0 0 280.8' in narrow
    assert 'font-size="8.5"' in narrow
    assert texts(wide).count("1,000") == 11
    assert texts(narrow).count("1,000") == 6  # every second, under every second tick
    assert [t for t in texts(narrow) if t.isdigit()] == ["0", "80", "160", "240", "320", "400"]


def sides(drawn: str) -> list[tuple[float, float]]:
    """Where each flat text begins and ends, in points."""
    from matplotlib.font_manager import FontProperties

    from ldresearch.figures.ruler import Ruler

    font, found = FontProperties(size=style.FONT), []
    for group in parsed(drawn).iter():
        for word in group.findall(f"{NS}text"):
            wide, _, _ = Ruler().get_text_width_height_descent(str(word.text), font, False)
            anchor = word.get("text-anchor", group.get("text-anchor", ""))
            left = float(word.attrib["x"]) - {"": 0.0, "middle": 0.5, "end": 1.0}[anchor] * wide
            found.append((left, left + wide))
    return found


def test_no_word_is_cut_off_by_the_edge_of_a_telephone() -> None:
    ax = style.bars(None, ["Harbour: everyone learns for the goal", "b"], [100, 3])
    ax.set_xlabel("readiness, % of what the role asks for (line: within reach)")
    drawn = draw(ax, width=svg.NARROW)
    label, row = (next(t for t in texts(drawn) if t.startswith(s)) for s in ("readiness", "Harb"))
    assert label.endswith("reach)")  # it had room, so it was moved
    assert row.endswith("…")  # it had none
    assert len(sides(drawn)) == len(texts(drawn))
    assert min(left for left, _ in sides(drawn)) >= -1
    assert max(right for _, right in sides(drawn)) <= svg.NARROW * 72 + 1
    ax.set_xlabel("so long that no telephone could show it whole, " * 2)
    assert any(t.startswith("so long") and t.endswith("…") for t in texts(draw(ax, width=3.9)))


@pytest.mark.parametrize(
    ("n", "shown"),
    [(0, "…"), (3, "…"), (5, "2,279…"), (8, "2,279…"), (11, "2,279 (100…"), (12, "2,279 (100 %…")],
)
def test_no_number_is_cut_to_another(n: int, shown: str) -> None:
    assert svg._cut("2,279 (100 %)", n) == shown


@pytest.mark.parametrize("first", [svg.NARROW, style.WIDTH])
def test_the_width_drawn_before_leaves_no_trace(first: float) -> None:
    """A page draws one figure at both widths, and could begin with either."""

    def places(drawn: str) -> list[float]:
        numbers = re.findall(r' (?:x|y|viewBox)="([^"]*)"', drawn)
        return [float(n) for said in numbers for n in said.split()]

    then = svg.NARROW if first == style.WIDTH else style.WIDTH
    ax = curves()
    draw(ax, width=first)
    again, anew = draw(ax, width=then), draw(curves(), width=then)
    assert texts(again) == texts(anew)
    assert places(again) == pytest.approx(places(anew), abs=72 * 0.02)  # points


def test_margins_that_are_too_small_are_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """One look is enough for nearly every figure; what is drawn shows where it was not."""
    fit, looks = style.fit, []

    def spoilt(ax: Any, width: float = style.WIDTH, *, most: int = 3) -> Any:
        looks.append(most)
        figure = fit(ax, width, most=most)
        if most == 1:
            figure.subplots_adjust(left=0.01, right=0.99)
        return figure

    monkeypatch.setattr(style, "fit", spoilt)
    drawn = draw(style.bars(None, ["a department with a long name"], [3]))
    assert looks == [1, 3]
    [x] = re.findall(r'<text[^>]* x="([^"]*)"[^>]*>a department', drawn)
    assert float(x) > 100  # its end: all of it stands within the figure


def test_texts_are_measured_as_matplotlib_measures_them() -> None:
    from matplotlib.backend_bases import RendererBase
    from matplotlib.font_manager import FontProperties

    from ldresearch.figures.ruler import Ruler

    class Plain(RendererBase):
        def points_to_pixels(self, points: float) -> float:
            return points

    font = FontProperties(size=8.5)
    for said in ("", "1,000", "people who started", "Größe"):
        for weight in ("normal", "bold"):
            font.set_weight(weight)  # the same object: what was kept of it has to be told apart
            told = Ruler().get_text_width_height_descent(said, font, False)
            assert told == pytest.approx(Plain().get_text_width_height_descent(said, font, False))


def test_a_preview_is_a_picture_without_a_date() -> None:
    import base64

    first, second = (svg.png(style.bars(None, ["a"], [1])) for _ in range(2))
    picture = base64.b64decode(first)
    assert picture.startswith(b"\x89PNG")
    assert b"matplotlib" not in picture.lower()
    assert first == second


def test_a_notebook_shows_what_a_view_returns() -> None:
    """Without pyplot nothing else would: a cell that ends with a view has a picture below it."""
    from IPython.core.formatters import DisplayFormatter

    shown, _ = DisplayFormatter().format(style.bars(None, ["a"], [1]))
    assert shown["image/png"] == svg.png(style.bars(None, ["a"], [1]))


def test_hidden_numbers_leave_a_gap_not_a_crash() -> None:
    ax = style.axes()
    style.line(ax, [0, 1, 2], [None, None, None])
    style.band(ax, [0, 1, 2], [None] * 3, [None] * 3, "main")
    parsed(draw(ax))
