"""Curves and a confusion matrix as PNG files, drawn with Pillow alone: for reports made without a window."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from resnext_gui.figures import ticks

GROUND, LINE, TEXT, QUIET = "#FFFFFF", "#E3E3DF", "#1B1D20", "#5F656E"
LEARNING, PRACTICE, ACCENT, WRONG = "#2460D8", "#C96416", "#2460D8", "#C5352E"

_DRAW = 4
"""Everything is drawn this many times larger than a point ..."""
_SAVE = 2
"""... and saved this many times larger, for sharp screens; the step in between smooths the edges."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A line in a plot: `points` are (x, y) in the plot's units; `marks` draws a dot at each."""

    name: str
    colour: str
    points: Sequence[tuple[float, float]]
    width: float = 2.0
    marks: bool = False
    faint: bool = False


def draw_curves(
    path: Path,
    title: str,
    curves: Sequence[Curve],
    *,
    as_percent: bool = False,
    level: tuple[str, float] | None = None,
    size: tuple[int, int] = (640, 380),
) -> None:
    """Draw `curves` over passes and save them as PNG, twice as many pixels as points.

    Args:
        path: the PNG file.
        title: stands above the plot.
        curves: what to draw; a faint one has no name of its own in the legend.
        as_percent: y is a share of 0..1, shown as 0 to 100 %.
        level: name and height of a dashed line across the plot.
        size: width and height in points.
    """
    canvas = _Canvas(*size)
    canvas.text(20, 14, title, 16, TEXT)
    box = (62, 74, size[0] - 22, size[1] - 46)
    points = [point for curve in curves for point in curve.points if all(map(math.isfinite, point))]
    right = max((x for x, _ in points), default=1.0) or 1.0
    if as_percent:
        low, high = 0.0, 1.0
    else:
        low, high = 0.0, max((y for _, y in points), default=1.0) * 1.05 or 1.0

    def at(x: float, y: float) -> tuple[float, float]:
        return (
            box[0] + (box[2] - box[0]) * x / right,
            box[3] - (box[3] - box[1]) * (min(max(y, low), high) - low) / (high - low),
        )

    for tick in ticks(low, high, 5):
        y = at(0, tick)[1]
        canvas.line([(box[0], y), (box[2], y)], LINE, 1)
        canvas.text(box[0] - 10, y, f"{100 * tick:.0f} %" if as_percent else f"{tick:g}", 12, QUIET, "rm")
    for tick in ticks(0, right, 8, whole=True):
        canvas.text(at(tick, low)[0], box[3] + 8, f"{tick:g}", 12, QUIET, "ma")
    canvas.text((box[0] + box[2]) / 2, box[3] + 26, "passes over the learning photographs", 12, QUIET, "ma")
    if level is not None and math.isfinite(level[1]):
        y = at(0, level[1])[1]
        canvas.dashes(box[0], box[2], y, QUIET)
    for curve in sorted(curves, key=lambda curve: not curve.faint):
        places = [at(*point) for point in curve.points if all(map(math.isfinite, point))]
        colour = _blend(curve.colour, GROUND, 0.72) if curve.faint else curve.colour
        canvas.line(places, colour, curve.width)
        if curve.marks:
            for place in places:
                canvas.dot(place, 3.5, colour)
    x = float(box[0])
    for name, colour in [(c.name, c.colour) for c in curves if not c.faint] + ([(level[0], QUIET)] if level else []):
        canvas.dot((x + 4, 53), 4, colour)
        x = canvas.text(x + 14, 53, name, 12, QUIET, "lm") + 20
    canvas.save(path)


def draw_confusion(path: Path, labels: Sequence[str], counts: Sequence[Sequence[int]]) -> None:
    """Draw a confusion matrix (rows: what it is, columns: what was answered) and save it as PNG."""
    cell = max(22, min(64, 420 // max(1, len(labels))))
    names = [_short(label) for label in labels]
    left = 28 + max((_width(name, 12) for name in names), default=0)
    top = 96
    side = cell * len(labels)
    canvas = _Canvas(max(360, int(left + side + 24)), top + side + 24)
    canvas.text(20, 14, "What it is, and what was answered", 16, TEXT)
    for column, name in enumerate(names):
        wide = _width(name, 12) < cell - 4
        middle = left + cell * (column + 0.5)
        canvas.text(middle, top - 10, name if wide else name[:3] + ".", 12, QUIET, "ms")
    for row, numbers in enumerate(counts):
        canvas.text(left - 10, top + cell * (row + 0.5), names[row], 12, QUIET, "rm")
        total = max(1, sum(numbers))
        for column, number in enumerate(numbers):
            colour = (
                _blend(ACCENT if row == column else WRONG, GROUND, 1 - 0.9 * number / total) if number else "#F6F6F4"
            )
            x, y = left + cell * column, top + cell * row
            canvas.box((x + 1, y + 1, x + cell - 1, y + cell - 1), colour)
            if number:
                dark = number / total > 0.55
                canvas.text(x + cell / 2, y + cell / 2, str(number), 14, GROUND if dark else TEXT, "mm")
    canvas.save(path)


class _Canvas:
    """A picture measured in points."""

    def __init__(self, width: int, height: int) -> None:
        self._size = (width, height)
        self._image = Image.new("RGB", (width * _DRAW, height * _DRAW), GROUND)
        self._draw = ImageDraw.Draw(self._image)

    def line(self, places: Sequence[tuple[float, float]], colour: str, width: float) -> None:
        if len(places) > 1:
            scaled = [(x * _DRAW, y * _DRAW) for x, y in places]
            self._draw.line(scaled, colour, round(width * _DRAW), joint="curve")

    def dashes(self, x0: float, x1: float, y: float, colour: str) -> None:
        x = x0
        while x < x1:
            self.line([(x, y), (min(x + 7, x1), y)], colour, 1.5)
            x += 12

    def dot(self, place: tuple[float, float], radius: float, colour: str) -> None:
        x, y = place
        self._draw.ellipse([(v * _DRAW) for v in (x - radius, y - radius, x + radius, y + radius)], colour)

    def box(self, corners: tuple[float, float, float, float], colour: str) -> None:
        self._draw.rounded_rectangle([v * _DRAW for v in corners], 4 * _DRAW, colour)

    def text(self, x: float, y: float, text: str, size: int, colour: str, anchor: str = "la") -> float:
        """Write, and return where the text ends."""
        self._draw.text((x * _DRAW, y * _DRAW), text, colour, _font(size * _DRAW), anchor)
        return x + _width(text, size)

    def save(self, path: Path) -> None:
        width, height = self._size
        self._image.resize((width * _SAVE, height * _SAVE), Image.Resampling.LANCZOS).save(path, optimize=True)


def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _width(text: str, size: int) -> float:
    return float(_font(size * _DRAW).getlength(text)) / _DRAW


def _short(text: str) -> str:
    return text if len(text) <= 18 else text[:17] + "…"


def _blend(colour: str, other: str, share: float) -> str:
    """Return `colour` with `share` of `other` mixed in."""

    def parts(text: str) -> list[int]:
        return [int(text[place : place + 2], 16) for place in (1, 3, 5)]

    mixed = (round(a + (b - a) * share) for a, b in zip(parts(colour), parts(other), strict=True))
    return "#" + "".join(f"{value:02X}" for value in mixed)
