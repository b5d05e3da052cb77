"""The page: facts, figures and pictures put into one HTML file that opens without a network."""

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from bunri.diagnosis.mistakes import KINDS
from bunri.errors import DataError
from bunri.files import write_text
from bunri.report.facts import Interval, ReportFacts
from bunri.report.figures import curve_figures, leaderboard_figure, sampler_figure, search_figure
from bunri.report.gathering import gather_facts
from bunri.report.pictures import Picture, pictures_of

KIND_WORDS = {
    "hit": "right",
    "class": "wrong class",
    "place": "badly placed",
    "both": "wrong class and badly placed",
    "duplicate": "second box on an object",
    "background": "nothing there",
}
"""Kinds of boxes in words."""


def write_report(folder: Path, out: Path) -> None:
    """Write the report of an experiment's folder, ``runs/<experiment>/``, as one HTML file.

    Parts that are not there are left out with a sentence.

    Raises:
        UsageError: The folder is not one.
        OutputError: ``out`` cannot be written.
    """
    write_text(out, render(gather_facts(folder)))


def render(facts: ReportFacts) -> str:
    """The page of some facts; where a photo cannot be read, all are left out with a sentence."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("bunri.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pictures, missing = _pictures(facts)
    environment.filters |= {"points": points, "interval": interval, "signed": signed}
    return environment.get_template("report.html").render(
        facts=facts,
        figures=_figures(facts),
        pictures=pictures,
        pictures_missing=missing,
        kinds=KINDS,
        kind_words=KIND_WORDS,
        style=_resource("report.css"),
        script=_resource("report.js"),
        plotly=_plotly_script(),
    )


def _pictures(facts: ReportFacts) -> tuple[tuple[Picture, ...], str | None]:
    try:
        return pictures_of(facts.photos), None
    except DataError as error:
        return (), str(error)


def points(value: float | None, digits: int = 3) -> str:
    """A score for people; a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}"


def signed(value: float | None) -> str:
    """A difference for people, with its sign."""
    return "–" if value is None else f"{value:+.3f}"


def interval(values: Interval) -> str:
    """``0.712 [0.690, 0.734]``, without brackets where no interval is known."""
    if values.low is None or values.high is None:
        return points(values.value)
    return f"{points(values.value)} [{points(values.low)}, {points(values.high)}]"


def _figures(facts: ReportFacts) -> dict[str, Any]:
    return {
        "leaderboard": leaderboard_figure(facts.leaderboard.rows) if facts.leaderboard.rows else None,
        "curves": curve_figures(facts.curves),
        "search": search_figure(facts.ensemble) if facts.ensemble and facts.ensemble.path else None,
        "samplers": [sampler_figure(sampler) for sampler in facts.samplers if sampler.threshold],
    }


def _resource(name: str) -> str:
    return (resources.files("bunri.report") / "templates" / name).read_text(encoding="utf-8")


@cache
def _plotly_script() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())
