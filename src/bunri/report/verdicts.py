"""Claims and their verdicts, as ``bunri test`` writes them to ``verdicts.json``."""

from pathlib import Path

from bunri.report.facts import Json, Verdict
from bunri.report.intervals import Interval
from bunri.report.reading import content_of
from bunri.report.sources import Sources

PATTERN = "*verdicts.json"
"""Names of files of verdicts in an experiment's folder, or given beside it."""


def read_verdicts(path: Path) -> tuple[Verdict, ...]:
    """The claims of a file in its order.

    Raises:
        DataError: The file is not one of verdicts.
    """
    with content_of(path, "the verdicts") as content:
        return tuple(_verdict(one) for one in content["hypotheses"])


def _verdict(one: Json) -> Verdict:
    return Verdict(
        name=str(one["id"]),
        claim=str(one["claim"]),
        effect=str(one["effect"]),
        metric=str(one["metric"]),
        smallest=float(one["smallest_effect"]),
        value=Interval(one["value"], one["low"], one["high"]),
        verdict=str(one["verdict"]),
        p_value=one["p_support_corrected"],
        power=one["power"],
        notes=tuple(map(str, one.get("notes", ()))),
    )


def verdict_files(sources: Sources) -> list[Path]:
    """Those given, and those in the folders of the experiments and of projects."""
    return list(dict.fromkeys([*sources.verdicts, *sources.files_called(PATTERN)]))
