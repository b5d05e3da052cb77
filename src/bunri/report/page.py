"""The page: facts, figures and pictures put into one HTML file that opens without a network."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bunri.dataset import Dataset
from bunri.diagnosis.mistakes import KINDS
from bunri.errors import DataError
from bunri.files import write_text
from bunri.pages import Assets, read_words, render
from bunri.report.facts import ReportFacts
from bunri.report.figures import (
    calibration_figure,
    curve_figures,
    gains_figure,
    leaderboard_figure,
    measured_gains_figure,
    names_of,
    precision_figures,
    search_figure,
    styles_of,
    verdicts_figure,
)
from bunri.report.gathering import Gathered, gather
from bunri.report.member_facts import MemberFacts
from bunri.report.photos import Photo, photos_of
from bunri.report.sources import find_sources
from bunri.report.thumbs import Thumbs, thumbnails

MAX_BYTES = 14_500_000
"""Of the page."""

MAX_BOX_BYTES = 7_000_000
"""Of the boxes on the photos; beyond it the photos with the fewest mistakes are left out."""

ASSETS = Assets("bunri.report", ("report.css", "photos.css", "filters.js", "photos.js", "report.js"))


def write_report(
    paths: Path | Sequence[Path], out: Path, truth: Path | None = None, images: Path | None = None
) -> None:
    """Write a report as one HTML file; parts that are not there are left out with a sentence.

    Args:
        paths: Folders of experiments (``runs/<experiment>/``), of single runs, or of many experiments, and files of
            predictions; one or several.
        out: The HTML file.
        truth: Annotations; needed for files of predictions.
        images: Folder of the photos; by default that of the annotations.

    Raises:
        UsageError: A path is not there, or the truth is missing.
        DataError: Annotations or predictions named by file cannot be read; parts of folders are left out instead.
        OutputError: ``out`` cannot be written.
    """
    sources = find_sources([paths] if isinstance(paths, Path) else paths, truth, images)
    write_text(out, page_of(gather(sources)))


def page_of(gathered: Gathered) -> str:
    """The page; its photos fill what room the rest leaves."""
    empty: dict[str, Any] = {"photos": [], "thumbs": [], "judge": 0}
    if not gathered.matches or gathered.truth is None:
        return _render(gathered.facts, empty, Thumbs((), 0), 0)
    photos, rows = photos_of(gathered.matches, gathered.truth, judge_of(gathered.facts))
    kept = _with_room(photos)
    browser = _browser(gathered, photos[:kept])
    rest = len(_render(gathered.facts, browser, Thumbs((), 0), 0).encode())
    thumbs = _thumbs(gathered.truth, rows[:kept].tolist(), MAX_BYTES - rest)
    return _render(gathered.facts, browser | {"thumbs": thumbs.data}, thumbs, len(photos) - kept)


def _with_room(photos: Sequence[Photo]) -> int:
    """How many photos' boxes the page can carry."""
    spent = 0
    for number, photo in enumerate(photos):
        spent += len(json.dumps(photo, separators=(",", ":")))
        if spent > MAX_BOX_BYTES:
            return number
    return len(photos)


def _browser(gathered: Gathered, photos: Sequence[Photo]) -> dict[str, Any]:
    ensembles = {member.name for member in gathered.facts.members if member.is_ensemble}
    members = [
        {
            "name": matches.predictions.name,
            "threshold": matches.threshold,
            "ensemble": matches.predictions.name in ensembles,
        }
        for matches in gathered.matches
    ]
    judge = judge_of(gathered.facts)
    classes = gathered.truth.class_names if gathered.truth is not None else ()
    return {"classes": classes, "kinds": KINDS, "members": members, "judge": judge, "photos": photos, "thumbs": []}


def judge_of(facts: ReportFacts) -> int:
    """The member whose mistakes are shown first: the last ensemble, else the model of the highest mAP50."""

    def rank(member: MemberFacts) -> tuple[bool, float]:
        scores = [score for score in member.AP50.values() if score is not None]
        return member.is_ensemble, sum(scores) / max(len(scores), 1)

    ranks = [rank(member) for member in facts.members]
    return max(range(len(ranks)), key=ranks.__getitem__, default=0)


def _thumbs(truth: Dataset, rows: Sequence[int], max_bytes: int) -> Thumbs:
    try:
        paths = [truth.path_of(row) for row in rows]
    except DataError as error:
        return Thumbs([None] * len(rows), 0, [str(error)])
    return thumbnails(paths, max_bytes - 6 * len(rows))


def _render(facts: ReportFacts, browser: dict[str, Any], thumbs: Thumbs, left_out: int) -> str:
    return render(
        "report.html",
        ASSETS,
        read_words("bunri.pages") | read_words("bunri.report"),
        facts=facts,
        figures=_figures(facts),
        browser=browser,
        thumbs=thumbs,
        photos_left_out=left_out,
        kinds=list(KINDS),
    )


def _figures(facts: ReportFacts) -> dict[str, Any]:
    ensembles = [row.model for row in facts.leaderboard.rows if row.is_ensemble]
    ensembles += [member.name for member in facts.members if member.is_ensemble]
    names = [row.model for row in facts.leaderboard.rows] + [member.name for member in facts.members]
    styles = styles_of([*names, *(curve.model for curve in facts.curves)], ensembles)
    curves = {curve.model for curve in facts.curves}
    members = {member.name for member in facts.members}
    return {
        "leaderboard": leaderboard_figure(facts.leaderboard.rows),
        "members": names_of({name: style for name, style in styles.items() if name in members}),
        "models": names_of({name: style for name, style in styles.items() if name in curves}),
        "precision": precision_figures(facts.members, styles),
        "calibration": calibration_figure(facts.members, styles),
        "curves": curve_figures(facts.curves, styles),
        "gains": [gains_figure(ensemble.members) for ensemble in facts.ensembles],
        "measured_gains": [measured_gains_figure(measured) for measured in facts.measured_gains],
        "verdicts": verdicts_figure(facts.verdicts),
        "search": [search_figure(ensemble.path) for ensemble in facts.ensembles],
    }
