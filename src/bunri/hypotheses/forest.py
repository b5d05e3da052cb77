"""A forest plot of verdicts as SVG: each effect with its intervals beside the smallest effect that matters."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

COLOURS = {"supported": "#009E73", "refuted": "#D55E00", "undecided": "#7F7F7F"}
"""Okabe and Ito's, told apart also by people who see red and green alike."""

WIDTH, LEFT, RIGHT, ROW, HEAD, FOOT = 900, 330, 130, 34, 34, 46
"""Pixels: of the picture, of the names, of the verdicts, of a row, above the rows, and below them."""


@dataclass(frozen=True)
class Axis:
    """Effects on a horizontal line."""

    start: float
    end: float

    def place(self, value: float) -> float:
        """Pixels from the left."""
        share = (min(max(value, self.start), self.end) - self.start) / (self.end - self.start)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def ticks(self) -> list[float]:
        """Four to eight round values."""
        step = 10.0**-12
        while (self.end - self.start) / step > 8:
            step *= 2.5 if f"{step:e}".startswith("2") else 2
        first = -(-self.start // step)
        return [(first + k) * step for k in range(9) if (first + k) * step <= self.end]


def forest(verdicts: dict[str, Any]) -> str:
    """The picture of ``Verdicts.to_dict``: differences above, ratios of gains below with an axis of their own."""
    ratios = [row for row in verdicts["hypotheses"] if "/" in row["effect"]]
    differences = [row for row in verdicts["hypotheses"] if "/" not in row["effect"]]
    panels = [(rows, what) for rows, what in ((differences, "difference"), (ratios, "ratio of gains")) if rows]
    heights = [HEAD + ROW * len(rows) + FOOT for rows, _ in panels]
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {sum(heights)}" font-family="sans-serif" '
        f'font-size="12" role="img" aria-label="verdicts of {escape(verdicts["name"])}">',
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    for number, (rows, what) in enumerate(panels):
        lines.append(f'<g transform="translate(0 {sum(heights[:number])})">')
        lines += _panel(rows, what, verdicts["error_rate"])
        lines.append("</g>")
    return "\n".join([*lines, "</svg>"]) + "\n"


def _panel(rows: Sequence[dict[str, Any]], what: str, error_rate: float) -> Iterator[str]:
    axis, bottom = _axis(rows), HEAD + ROW * len(rows)
    for tick in axis.ticks():
        x = axis.place(tick)
        yield f'<path d="M{x:.1f} {HEAD - 8}V{bottom}" stroke="#e5e5e5"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{_number(tick)}</text>'
    middle = (LEFT + WIDTH - RIGHT) / 2
    sure = f"{1 - error_rate:.0%}"
    caption = (
        f"{what}: thick {sure} interval of this claim alone, thin corrected over the family; diamond: smallest effect"
    )
    yield f'<text x="{middle:.0f}" y="{bottom + 34}" text-anchor="middle" fill="#444">{caption}</text>'
    for number, row in enumerate(rows):
        yield from _row(row, axis, HEAD + ROW * number + ROW / 2)


def _axis(rows: Sequence[dict[str, Any]]) -> Axis:
    """From the least to the greatest of all that is drawn, with a margin; ends without a bound reach to the edge."""
    keys = ("value", "low", "high", "plain_low", "plain_high", "smallest_effect", "null")
    drawn = [row[key] for row in rows for key in keys if row[key] is not None]
    margin = 0.05 * (max(drawn) - min(drawn)) or 1.0
    return Axis(min(drawn) - margin, max(drawn) + margin)


def _row(row: dict[str, Any], axis: Axis, y: float) -> Iterator[str]:
    colour, null, least = COLOURS[row["verdict"]], axis.place(row["null"]), axis.place(row["smallest_effect"])
    yield f'<text x="8" y="{y - 2:.1f}" font-weight="bold">{escape(row["id"])}</text>'
    yield f'<text x="8" y="{y + 12:.1f}" font-size="10" fill="#444">{escape(_short(row["claim"]))}</text>'
    yield f'<path d="M{null:.1f} {y - ROW / 2:.1f}v{ROW}" stroke="#888" stroke-dasharray="3 3"/>'
    for ends, width in ((("low", "high"), 1.5), (("plain_low", "plain_high"), 5)):
        low, high = (row[end] for end in ends)
        if not (row["value"] is None and low is None and high is None):
            yield _whisker(axis.place(_or(low, axis.start)), axis.place(_or(high, axis.end)), y, colour, width)
    if row["value"] is None:
        yield f'<text x="{LEFT + 20}" y="{y + 4:.1f}" fill="#444">no ratio: the gain below is not above 0</text>'
    yield f'<path d="M{least:.1f} {y - 7:.1f}l5 7l-5 7l-5 -7z" fill="none" stroke="#0072B2" stroke-width="1.5"/>'
    if row["value"] is not None:
        yield f'<circle cx="{axis.place(row["value"]):.1f}" cy="{y:.1f}" r="5" fill="{colour}" stroke="#fff"/>'
    yield f'<text x="{WIDTH - RIGHT + 10}" y="{y + 4:.1f}" fill="{colour}">{row["verdict"]}</text>'


def _whisker(x_low: float, x_high: float, y: float, colour: str, width: float) -> str:
    return f'<path d="M{x_low:.1f} {y:.1f}H{x_high:.1f}" stroke="{colour}" stroke-width="{width}" opacity=".8"/>'


def _or(value: float | None, other: float) -> float:
    return other if value is None else value


def _short(claim: str, most: int = 58) -> str:
    return claim if len(claim) <= most else claim[: most - 1].rstrip() + "…"


def _number(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".") if abs(value) > 1e-9 else "0"
