"""Figures as Plotly's plain dicts: data and layout, without colours of the page, which follow light and dark."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bunri.report.facts import Curve, Ensemble, Row, Sampler, SearchStep

Figure = dict[str, Any]

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C6BB1", "#7F7F7F")
"""Okabe and Ito's colours, told apart also by people who see red and green alike, on light and on dark."""

DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
"""Folds of one model."""

MAX_POINTS = 300
"""Of a curve: more are not seen, and make the page heavy."""

CURVES = {"val/mAP50": "mAP50 on the held-out fold", "train/loss": "training loss", "lr": "learning rate"}
"""Scalars that get a figure, and its title; ``lr`` stands for the first group of parameters."""


def leaderboard_figure(rows: Sequence[Row]) -> Figure:
    """mAP50 out of fold with its interval, and on test, one line a member; the first row on top."""
    rows = list(reversed(rows))
    names = [row.model for row in rows]
    folds = {
        "type": "scatter",
        "mode": "markers",
        "name": "out of fold, 95% interval",
        "y": names,
        "x": [row.mAP50.value for row in rows],
        "error_x": _error_bars(rows),
        "marker": {"size": 11, "color": COLOURS[0]},
    }
    return {"data": [folds, *_test_marks(rows)], "layout": _layout("mAP50", "", height=110 + 38 * len(rows))}


def _error_bars(rows: Sequence[Row]) -> dict[str, Any]:
    intervals = [row.mAP50 for row in rows]
    return {
        "type": "data",
        "symmetric": False,
        "array": [(i.high - i.value) if i.high is not None and i.value is not None else 0 for i in intervals],
        "arrayminus": [(i.value - i.low) if i.low is not None and i.value is not None else 0 for i in intervals],
        "thickness": 2,
    }


def _test_marks(rows: Sequence[Row]) -> Iterable[Figure]:
    tested = [row for row in rows if row.test_mAP50.value is not None]
    if tested:
        yield {
            "type": "scatter",
            "mode": "markers",
            "name": "test",
            "y": [row.model for row in tested],
            "x": [row.test_mAP50.value for row in tested],
            "marker": {"size": 11, "symbol": "diamond-open", "color": COLOURS[5], "line": {"width": 2}},
        }


def curve_figures(curves: Sequence[Curve]) -> dict[str, Figure]:
    """One figure for each scalar of ``CURVES`` that was recorded, by title: models in colours, runs in dashes."""
    colours = dict(zip(dict.fromkeys(curve.model for curve in curves), _endless(COLOURS), strict=False))
    figures = {}
    for name, title in CURVES.items():
        chosen = [curve for curve in curves if curve.name == name]
        if chosen:
            figures[title] = {"data": list(_lines(chosen, colours)), "layout": _layout("iteration", "")}
    return figures


def _lines(curves: Sequence[Curve], colours: Mapping[str, str]) -> Iterable[Figure]:
    runs_of: dict[str, int] = {}
    for curve in curves:
        number = runs_of.get(curve.model, 0)
        runs_of[curve.model] = number + 1
        steps, values = thinned(curve)
        yield {
            "type": "scatter",
            "mode": "lines+markers" if len(steps) < 25 else "lines",
            "name": curve.model,
            "legendgroup": curve.model,
            "showlegend": number == 0,
            "x": steps,
            "y": values,
            "line": {"color": colours[curve.model], "dash": DASHES[number % len(DASHES)], "width": 1.7},
            "hovertemplate": f"{curve.run}<br>%{{x}}: %{{y:.4g}}<extra></extra>",
        }


def thinned(curve: Curve) -> tuple[list[float], list[float | None]]:
    """At most ``MAX_POINTS`` points of a curve, evenly taken; the last one is always kept."""
    stride = -(-len(curve.steps) // MAX_POINTS)
    rows = list(range(len(curve.steps) - 1, -1, -max(stride, 1)))[::-1]
    values = [curve.values[row] for row in rows]
    return [curve.steps[row] for row in rows], [None if value is None else float(f"{value:.5g}") for value in values]


def search_figure(ensemble: Ensemble) -> Figure:
    """mAP50 of the best candidate so far, a line for each family that searched; one that was only fitted has no way."""
    steps: dict[str, list[SearchStep]] = {}
    for step in ensemble.path:
        steps.setdefault(step.family, []).append(step)
    searched = {family: way for family, way in steps.items() if len(way) > 1}
    lines = [_search_line(family, way, number) for number, (family, way) in enumerate(searched.items())]
    return {"data": lines, "layout": _layout("candidates scored", "mAP50")}


def _search_line(family: str, way: Sequence[SearchStep], number: int) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": family,
        "x": [step.candidates for step in way],
        "y": [round(step.mAP50, 5) for step in way],
        "text": [f"{step.stage}: {step.recipe}" for step in way],
        "hovertemplate": "%{text}<br>mAP50 %{y:.4f}<extra></extra>",
        "line": {"color": COLOURS[(number + 2) % len(COLOURS)], "shape": "hv"},
        "showlegend": True,
    }


def sampler_figure(sampler: Sampler) -> Figure:
    """Boxes of each class seen in an epoch, without and with the sampler, on a logarithmic axis."""
    layout = _layout("", "boxes in an epoch") | {"barmode": "group"}
    layout["yaxis"]["type"] = "log"
    plain = _bars("every photo once", COLOURS[7], sampler, [seen.boxes for seen in sampler.classes])
    sampled = _bars("sampled", COLOURS[0], sampler, [seen.boxes_sampled for seen in sampler.classes])
    return {"data": [plain, sampled], "layout": layout}


def _bars(name: str, colour: str, sampler: Sampler, heights: Sequence[float]) -> Figure:
    names = [seen.name for seen in sampler.classes]
    return {"type": "bar", "name": name, "x": names, "y": heights, "marker": {"color": colour}}


def _layout(x: str, y: str, height: int = 340) -> dict[str, Any]:
    return {
        "height": height,
        "margin": {"l": 60, "r": 16, "t": 34, "b": 50},
        "xaxis": {"title": {"text": x}, "automargin": True},
        "yaxis": {"title": {"text": y}, "automargin": True},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "hovermode": "closest",
    }


def _endless(colours: Sequence[str]) -> Iterable[str]:
    while True:
        yield from colours
