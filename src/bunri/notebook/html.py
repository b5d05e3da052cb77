"""Pieces of HTML that carry their own style and escape every text; they are right on light and on dark."""

from collections.abc import Iterable, Sequence
from html import escape

from bunri.drawn_photos import BoxOnPhoto, PhotoWithBoxes

CELL = "padding:0.2em 0.8em;text-align:right;border-top:1px solid #8884"
FIRST = "padding:0.2em 0.8em;text-align:left;border-top:1px solid #8884;font-weight:500"
BOX_COLOUR = "#35b6ff"


def block(title: str, *parts: str) -> str:
    """A title and what stands below it; the parts are HTML."""
    return f'<div><p style="margin:0.3em 0"><strong>{escape(title)}</strong></p>{"".join(parts)}</div>'


def sentence(text: str) -> str:
    """A line of text."""
    return f'<p style="margin:0.3em 0">{escape(text)}</p>'


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table: the first column to the left, the others to the right."""
    head = "".join(f'<th scope="col" style="{_style(n)}">{escape(name)}</th>' for n, name in enumerate(header))
    body = "".join(f"<tr>{_cells(row)}</tr>" for row in rows)
    return f'<table style="border-collapse:collapse"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _cells(row: Sequence[object]) -> str:
    first, *others = (escape(str(cell)) for cell in row)
    cells = "".join(f'<td style="{CELL}">{cell}</td>' for cell in others)
    return f'<th scope="row" style="{FIRST}">{first}</th>{cells}'


def _style(column: int) -> str:
    return FIRST if column == 0 else CELL


def photo_row(photos: Iterable[tuple[str, PhotoWithBoxes]]) -> str:
    """Photos with their captions, side by side."""
    figures = "".join(
        f'<figure style="margin:0;width:240px">{photo_svg(photo)}<figcaption style="font-size:0.85em">'
        f"{escape(caption)}</figcaption></figure>"
        for caption, photo in photos
    )
    return f'<div style="display:flex;flex-wrap:wrap;gap:10px;margin:0.5em 0">{figures}</div>'


def photo_svg(photo: PhotoWithBoxes) -> str:
    """A photo with its boxes as SVG, in the pixels of the photo."""
    unit = photo.width / 240
    boxes = "".join(_box(box, unit) for box in photo.boxes)
    return (
        f'<svg viewBox="0 0 {photo.width} {photo.height}" role="img" aria-label="{escape(photo.words)}" '
        f'style="display:block;width:100%"><image href="{photo.uri}" width="{photo.width}" height="{photo.height}" '
        f'preserveAspectRatio="none"></image>{boxes}</svg>'
    )


def _box(box: BoxOnPhoto, unit: float) -> str:
    label = escape(box.label)
    return (
        f'<g><rect x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}" fill="transparent" '
        f'stroke="{BOX_COLOUR}" stroke-width="{2 * unit:.1f}"><title>{label}</title></rect>'
        f'<text x="{box.x}" y="{box.y}" dy="1em" font-size="{10 * unit:.1f}" fill="#fff" stroke="#000" '
        f'stroke-width="{2.5 * unit:.1f}" paint-order="stroke">{label}</text></g>'
    )


def number(value: float | None, digits: int = 3) -> str:
    """A number for people; a dash where there is none, or it is not a number."""
    return "–" if value is None or value != value else f"{value:.{digits}f}"
