"""A scatter plot of predicted against measured, both axes logarithmic, as a small SVG without scripts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from tests.accuracy.held_out import Point

WIDTH, HEIGHT, LEFT, TOP, SIDE = 560, 470, 70, 40, 370
COLOURS = {"below saturation": "#2563eb", "saturation": "#d97706"}


def scatter(title: str, unit: str, points: Sequence[Point]) -> str:
    """Dots by regime, the line of exact prediction, and the band of 20 % around it."""
    values = [value for point in points for value in (point.measured, point.predicted)]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    axes = _Axes(low, high)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="24" font-size="15">{escape(title)}</text>',
        *axes.grid(),
        axes.band(1.2),
        *(axes.dot(point) for point in points),
        f'<text x="{LEFT + SIDE / 2}" y="{HEIGHT - 18}" text-anchor="middle">measured, {escape(unit)}</text>',
        f'<text transform="translate(18 {TOP + SIDE / 2}) rotate(-90)" text-anchor="middle">predicted, {escape(unit)}</text>',
        *_legend(points),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _legend(points: Sequence[Point]) -> list[str]:
    """Only what is drawn; to the right of the plot."""
    x, lines = LEFT + SIDE + 14, []
    for row, regime in enumerate(name for name in COLOURS if any(p.regime == name for p in points)):
        y = TOP + 12 + 20 * row
        lines.append(f'<circle cx="{x}" cy="{y - 4}" r="4" fill="{COLOURS[regime]}"/>')
        lines.append(f'<text x="{x + 9}" y="{y}" font-size="11">{regime}</text>')
    return lines


class _Axes:
    """Decades from 10**low to 10**high on both sides."""

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high = low, high

    def place(self, value: float) -> float:
        """Distance from the origin in pixels."""
        return (math.log10(value) - self.low) / (self.high - self.low) * SIDE

    def grid(self) -> list[str]:
        lines = [f'<rect x="{LEFT}" y="{TOP}" width="{SIDE}" height="{SIDE}" fill="none" stroke="#9ca3af"/>']
        for exponent in range(self.low, self.high + 1):
            at, label = self.place(10**exponent), f"{10.0**exponent:g}"
            lines += [
                f'<path d="M{LEFT + at:.1f} {TOP}v{SIDE}M{LEFT} {TOP + SIDE - at:.1f}h{SIDE}" stroke="#e5e7eb"/>',
                f'<text x="{LEFT + at:.1f}" y="{TOP + SIDE + 16}" text-anchor="middle">{label}</text>',
                f'<text x="{LEFT - 6}" y="{TOP + SIDE - at + 4:.1f}" text-anchor="end">{label}</text>',
            ]
        return lines

    def band(self, factor: float) -> str:
        """Predictions within ``factor`` of the measured value, clipped to the plot."""
        shift = min(math.log10(factor) / (self.high - self.low) * SIDE, SIDE)
        x0, y0, x1, y1 = LEFT, TOP + SIDE, LEFT + SIDE, TOP
        corners = (
            (x0, y0 - shift), (x1 - shift, y1), (x1, y1), (x1, y1 + shift), (x0 + shift, y0), (x0, y0),
        )  # fmt: skip
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
        return f'<polygon points="{path}" fill="#bbf7d0" opacity="0.6"/><path d="M{x0} {y0}L{x1} {y1}" stroke="#16a34a"/>'

    def dot(self, point: Point) -> str:
        x, y = LEFT + self.place(point.measured), TOP + SIDE - self.place(point.predicted)
        text = f"{point.case.model} on {point.case.gpu}: {point.measured:.4g} measured, {point.predicted:.4g} predicted"
        colour = COLOURS[point.regime]
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}" opacity="0.75"><title>{escape(text)}</title></circle>'
