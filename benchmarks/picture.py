"""A chart of lines as SVG, drawn by hand: no library is worth its weight for this."""

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import NamedTuple

Points = Sequence[tuple[float, float]]
_WIDTH, _HEIGHT = 860, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 190, 46, 48
_COLOURS = ("#1668b3", "#c2410c", "#15803d", "#7e22ce", "#6b7280", "#b91c1c")
_NEAREST = 15


class Axis(NamedTuple):
    """An axis: what it tells, from where to where, and whether by powers of ten."""

    title: str
    low: float
    high: float
    powers: bool = False

    def place(self, value: float) -> float:
        """Tell how far along the axis a value lies, from 0 to 1."""
        value = min(max(value, self.low), self.high)
        if self.powers:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def marks(self) -> list[float]:
        """Give the values that are worth a mark."""
        if self.powers:
            first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            return [10.0**power for power in range(first, last + 1)]
        step = 10 ** math.floor(math.log10((self.high - self.low) / 2))
        step *= next(each for each in (1, 2, 5, 10) if (self.high - self.low) / (step * each) <= 8)  # noqa: PLR2004 - marks
        return [step * number for number in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]


def chart(title: str, across: Axis, up: Axis, lines: Mapping[str, Points], band: tuple[float, float] | None = None) -> str:
    """Draw lines, each with its name at its end; a band marks a stretch of the axis across."""
    inner = [
        *_frame(title, across, up, band),
        *(_line(points, across, up, colour) for points, colour in zip(lines.values(), _COLOURS, strict=False)),
        *_names(lines, across, up),
    ]
    style = 'font-family="Inter,Helvetica,Arial,sans-serif" font-size="13" fill="#1f2937"'
    paper = f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" {style}>{paper}'
    return "\n".join((head, *inner, "</svg>\n"))


def _x(axis: Axis, value: float) -> float:
    return _LEFT + axis.place(value) * (_WIDTH - _LEFT - _RIGHT)


def _y(axis: Axis, value: float) -> float:
    return _HEIGHT - _BOTTOM - axis.place(value) * (_HEIGHT - _TOP - _BOTTOM)


def _frame(title: str, across: Axis, up: Axis, band: tuple[float, float] | None) -> Iterable[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    yield f'<text x="{_LEFT}" y="24" font-size="16" font-weight="600">{escape(title)}</text>'
    if band:
        left, width = _x(across, band[0]), _x(across, band[1]) - _x(across, band[0])
        yield f'<rect x="{left:.1f}" y="{_TOP}" width="{width:.1f}" height="{bottom - _TOP}" fill="#fee2e2"/>'
    for value in up.marks():
        y = _y(up, value)
        yield f'<path d="M{_LEFT} {y:.1f}H{right}" stroke="#e5e7eb"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{_number(value)}</text>'
    for value in across.marks():
        x = _x(across, value)
        yield f'<path d="M{x:.1f} {bottom}v5" stroke="#6b7280"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 20}" text-anchor="middle">{_number(value)}</text>'
    yield f'<path d="M{_LEFT} {bottom}H{right}" stroke="#6b7280"/>'
    yield f'<text x="{(_LEFT + right) / 2}" y="{_HEIGHT - 8}" text-anchor="middle">{escape(across.title)}</text>'
    yield f'<text x="{_LEFT}" y="{_TOP - 6}" font-size="12" fill="#4b5563">{escape(up.title)}</text>'


def _line(points: Points, across: Axis, up: Axis, colour: str) -> str:
    path = "L".join(f"{_x(across, at):.1f} {_y(up, value):.1f}" for at, value in points)
    return f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2" stroke-linejoin="round"/>'


def _names(lines: Mapping[str, Points], across: Axis, up: Axis) -> Iterable[str]:
    """Write each name beside the end of its line, but none over another."""
    ends = [(_y(up, points[-1][1]), name, colour) for (name, points), colour in zip(lines.items(), _COLOURS, strict=False)]
    lowest = 0.0
    for y, name, colour in sorted(ends):
        lowest = max(y + 4, lowest + _NEAREST)
        x = _x(across, lines[name][-1][0]) + 8
        yield f'<text x="{x:.1f}" y="{lowest:.1f}" fill="{colour}" font-weight="600">{escape(name)}</text>'


def _number(value: float) -> str:
    for size, letter in ((1e6, " M"), (1e3, " k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
