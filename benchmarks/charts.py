"""Small SVG charts: panels side by side, series of points with or without lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's."""

WIDTH, HEIGHT, LEFT, TOP, GAP, LEGEND = 300, 220, 56, 26, 24, 240


@dataclass(frozen=True)
class Series:
    """Points with a name; ``dashes`` tells lines apart beside colour."""

    name: str
    points: Sequence[tuple[float, float]]
    colour: int = 0
    is_line: bool = True
    is_dashed: bool = False


@dataclass(frozen=True)
class Panel:
    """One set of axes."""

    title: str
    series: Sequence[Series]


def chart(panels: Sequence[Panel], x: str, y: str) -> str:
    """The panels in a row, each with a vertical axis of its own, and one legend below."""
    names = {one.name: one for panel in panels for one in panel.series}
    wide = len(panels) * (LEFT + WIDTH + GAP)
    columns = max(1, wide // LEGEND)
    high = TOP + HEIGHT + 56 + 18 * -(-len(names) // columns)
    body = [_panel(panel, k * (LEFT + WIDTH + GAP) + LEFT, x, y) for k, panel in enumerate(panels)]
    legend = [
        _legend(one, 14 + (k % columns) * LEGEND, TOP + HEIGHT + 52 + 18 * (k // columns))
        for k, one in enumerate(names.values())
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" font-family="sans-serif" font-size="11"'
    )
    lines = [
        f'{head} role="img" aria-label="{escape(y)} against {escape(x)}">',
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    return "\n".join([*lines, *body, *legend, "</svg>\n"])


def _panel(panel: Panel, left: int, x: str, y: str) -> str:
    xs, ys = zip(*[point for one in panel.series for point in one.points], strict=True)
    across, up = Scale(xs, left, left + WIDTH), Scale(ys, TOP + HEIGHT, TOP)
    parts = [
        f'<text x="{left + WIDTH / 2}" y="16" text-anchor="middle" font-weight="bold">{escape(panel.title)}</text>'
    ]
    for value in _ticks(min(ys), max(ys)):
        parts.append(f'<path d="M{left} {up(value):.1f}H{left + WIDTH}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 4}" y="{up(value) + 4:.1f}" text-anchor="end">{value:.5g}</text>')
    for value in _ticks(min(xs), max(xs)):
        parts.append(f'<text x="{across(value):.1f}" y="{TOP + HEIGHT + 15}" text-anchor="middle">{value:.5g}</text>')
    middle = TOP + HEIGHT / 2
    parts.append(f'<text x="{left + WIDTH / 2}" y="{TOP + HEIGHT + 30}" text-anchor="middle">{escape(x)}</text>')
    turned = f'x="{left - 44}" y="{middle}" transform="rotate(-90 {left - 44} {middle})"'
    parts.append(f'<text {turned} text-anchor="middle">{escape(y)}</text>')
    for one in panel.series:
        places = [(across(a), up(b)) for a, b in one.points]
        parts.append(_drawn(one, places))
    return "\n".join(parts)


def _drawn(one: Series, places: Sequence[tuple[float, float]]) -> str:
    colour, dash = COLOURS[one.colour], ' stroke-dasharray="5 3"' if one.is_dashed else ""
    dots = [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.6" fill="{colour}"/>' for a, b in places]
    path = "L".join(f"{a:.1f} {b:.1f}" for a, b in places)
    line = [f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="1.8"{dash}/>'] if one.is_line else []
    return "".join([*line, *dots])


def _legend(one: Series, left: int, high: int) -> str:
    dash = ' stroke-dasharray="5 3"' if one.is_dashed else ""
    line = f'<path d="M{left} {high - 4}h22" stroke="{COLOURS[one.colour]}" stroke-width="3"{dash}/>'
    return f'{line}<text x="{left + 28}" y="{high}">{escape(one.name)}</text>'


class Scale:
    """Values to pixels, with a little room at both ends."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        spread = (max(values) - min(values)) or 1.0
        self.low, self.spread = min(values) - 0.04 * spread, 1.08 * spread
        self.start, self.end = start, end

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / self.spread * (self.end - self.start)


def _ticks(low: float, high: float) -> list[float]:
    """About five round values between two."""
    step = 10.0**-9
    factors = (2.0, 2.5, 2.0)
    for k in range(60):
        if (high - low) / step <= 6:
            break
        step *= factors[k % 3]
    first = -(-low // step)
    return [round((first + k) * step, 9) for k in range(8) if (first + k) * step <= high + 1e-12]
