"""Figures as facts for ``charts.js``: lines and intervals; colours are numbers, read by the page."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bunri.report.ensemble_facts import EnsembleMember, MeasuredGains, SearchStep
from bunri.report.facts import Curve, Row, Verdict
from bunri.report.member_facts import MemberFacts

Figure = dict[str, Any]

COLOURS = 8
"""Colours of the page; members beyond them differ in dashes too."""

MAX_POINTS = 300
"""Of a curve: more are not seen, and make the page heavy."""

CURVES = ("val/mAP50", "train/loss", "lr")
"""Scalars that get a figure; ``lr`` stands for the first group of parameters."""

LOOKS: Mapping[str, Figure] = {"val/mAP50": {"marks": True}, "train/loss": {"peaks": True}, "lr": {}}
"""Few values are marked each; a loss is read below its first peaks."""

UNIT = [0, 1]
"""The range of rates."""


def styles_of(names: Iterable[str], ensembles: Iterable[str] = ()) -> dict[str, Figure]:
    """How the line of each member looks on all figures of a page: a colour and dash, ensembles bold."""
    bold = set(ensembles)
    singles = [name for name in dict.fromkeys(names) if name not in bold]
    styles: dict[str, Figure] = {
        name: {"colour": k % COLOURS, "dash": k // COLOURS, "bold": False} for k, name in enumerate(singles)
    }
    return styles | {name: {"colour": 0, "dash": k, "bold": True} for k, name in enumerate(dict.fromkeys(ensembles))}


def names_of(styles: Mapping[str, Figure]) -> list[Figure]:
    """The legend of all figures."""
    return [{"name": name, **style} for name, style in styles.items()]


def leaderboard_figure(rows: Sequence[Row]) -> Figure:
    """mAP50 out of fold with its interval, and on test."""
    return {"kind": "intervals", "rows": [_leaderboard_row(row) for row in rows if row.stopped_early is None]}


def _leaderboard_row(row: Row) -> Figure:
    value = {"value": row.mAP50.value, "low": row.mAP50.low, "high": row.mAP50.high}
    return {"name": row.model, **value, "test": row.test_mAP50.value, "bold": row.is_ensemble}


def gains_figure(members: Sequence[EnsembleMember]) -> Figure | None:
    """What the recipe loses without each member; None where that is not known."""
    rows = [
        {"name": member.name, "value": member.gain.value, "low": member.gain.low, "high": member.gain.high}
        for member in members
        if member.gain is not None
    ]
    return {"kind": "intervals", "zero": True, "rows": rows} if rows else None


def measured_gains_figure(measured: MeasuredGains) -> Figure:
    """What each added member brings, with its interval."""
    rows = [
        {"name": one.added, "value": one.gain.value, "low": one.gain.low, "high": one.gain.high}
        for one in measured.added
    ]
    return {"kind": "intervals", "zero": True, "rows": rows}


def verdicts_figure(verdicts: Sequence[Verdict]) -> Figure:
    """Effects with their intervals."""
    rows = [
        {"name": one.name, "value": one.value.value, "low": one.value.low, "high": one.value.high} for one in verdicts
    ]
    return {"kind": "intervals", "zero": True, "rows": rows}


def curve_figures(curves: Sequence[Curve], styles: Mapping[str, Figure]) -> dict[str, Figure]:
    """One figure for each scalar of ``CURVES`` that was recorded: models in colours, their runs in dashes."""
    chosen = {name: [curve for curve in curves if curve.name == name] for name in CURVES}
    return {
        name: {"kind": "lines", "x": "chart.iteration", **LOOKS[name], "series": list(_curve_series(found, styles))}
        for name, found in chosen.items()
        if found
    }


def _curve_series(curves: Sequence[Curve], styles: Mapping[str, Figure]) -> Iterable[Figure]:
    runs_of: dict[str, int] = {}
    for curve in curves:
        number = runs_of.setdefault(curve.model, 0)
        runs_of[curve.model] += 1
        steps, values = thinned(curve)
        style = styles.get(curve.model, {"colour": 0}) | {"dash": number}
        yield {"name": curve.model, "label": curve.run, **style, "x": steps, "y": values}


def thinned(curve: Curve) -> tuple[list[float], list[float | None]]:
    """At most ``MAX_POINTS`` points of a curve, evenly taken; the last one is always kept."""
    stride = -(-len(curve.steps) // MAX_POINTS)
    rows = list(range(len(curve.steps) - 1, -1, -max(stride, 1)))[::-1]
    values = [curve.values[row] for row in rows]
    return [curve.steps[row] for row in rows], [None if value is None else float(f"{value:.5g}") for value in values]


def precision_figures(members: Sequence[MemberFacts], styles: Mapping[str, Figure]) -> dict[str, Figure]:
    """Precision over recall at IoU 0.5 of each class that has boxes, a line for each member."""
    names = dict.fromkeys(name for member in members for name in member.precision)
    return {name: _precision_figure(name, members, styles) for name in names}


def _precision_figure(name: str, members: Sequence[MemberFacts], styles: Mapping[str, Figure]) -> Figure:
    series = [
        {"name": member.name, **styles[member.name], "x": xs, "y": ys}
        for member in members
        if name in member.precision
        for xs, ys in [_reached(member.precision[name])]
    ]
    return {"kind": "lines", "x": "chart.recall", "height": 190, "xRange": UNIT, "yRange": UNIT, "series": series}


def _reached(precision: Sequence[float]) -> tuple[list[float], list[float]]:
    """The curve up to the last recall that is reached, where it falls; levels of one precision are one line."""
    reached = max((k for k, value in enumerate(precision) if value > 0), default=0)
    values = [*precision[: reached + 1], 0.0]
    recalls = [k / 100 for k in range(reached + 1)] + [reached / 100]
    last = len(values) - 1
    turns = [k for k in range(len(values)) if k in (0, last) or not values[k - 1] == values[k] == values[k + 1]]
    return [recalls[k] for k in turns], [values[k] for k in turns]


def calibration_figure(members: Sequence[MemberFacts], styles: Mapping[str, Figure]) -> Figure:
    """The share of right boxes over the mean score, in bins of the score; on the diagonal scores mean what they say."""
    series = [
        {"name": member.name, **styles[member.name]}
        | {"x": member.calibration.mean_score, "y": member.calibration.share_true}
        for member in members
    ]
    ranges = {"xRange": UNIT, "yRange": UNIT, "diagonal": True, "marks": True}
    return {"kind": "lines", "x": "chart.score", "height": 300, **ranges, "series": series}


def search_figure(path: Sequence[SearchStep]) -> Figure | None:
    """mAP50 of the best candidate so far, a line for each family that searched; one that was only fitted has no way."""
    steps: dict[str, list[SearchStep]] = {}
    for step in path:
        steps.setdefault(step.family, []).append(step)
    searched = {family: way for family, way in steps.items() if len(way) > 1}
    series = [_search_series(family, way, number) for number, (family, way) in enumerate(searched.items())]
    return (
        {"kind": "lines", "x": "chart.candidates", "height": 180, "marks": True, "series": series} if series else None
    )


def _search_series(family: str, way: Sequence[SearchStep], number: int) -> Figure:
    points = {"x": [step.candidates for step in way], "y": [round(step.mAP50, 5) for step in way]}
    return {"name": family, "colour": number % COLOURS, **points}
