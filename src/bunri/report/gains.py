"""What members buy, measured by searching anew: as ``bunri gain --json`` writes it."""

from pathlib import Path

from bunri.report.ensemble_facts import AddedGain, GainShare, MeasuredGains
from bunri.report.facts import Json
from bunri.report.intervals import Interval
from bunri.report.reading import content_of
from bunri.report.sources import Sources

PATTERN = "*gain.json"
"""Names of files of gains in an experiment's folder, or given beside it."""


def read_gains(path: Path) -> MeasuredGains:
    """What a file says.

    Raises:
        DataError: The file is not one of gains.
    """
    with content_of(path, "the gains of members") as content:
        added = tuple(_added(one) for one in content["gains"])
        shares = (content["shares"] or {}).get("members", ())
        recipe = next((str(one["recipe_without"]) for one in content["gains"]), "")
        return MeasuredGains(path.stem, recipe, added, tuple(map(_share, shares)), tuple(map(str, content["notes"])))


def _added(one: Json) -> AddedGain:
    return AddedGain(
        added=str(one["added"]),
        gain=Interval(one["gain"], one["low"], one["high"]),
        verdict=str(one["verdict"]),
        mAP50_without=one["mAP50_without"],
        mAP50_with=one["mAP50_with"],
        recipe_with=str(one["recipe_with"]),
    )


def _share(one: Json) -> GainShare:
    share = Interval(one["of_gain"], one["of_gain_low"], one["of_gain_high"])
    return GainShare(str(one["name"]), one["mAP50"], share)


def gain_files(sources: Sources) -> list[Path]:
    """Those given, and those in the folders of the experiments and of projects."""
    return list(dict.fromkeys([*sources.gains, *sources.files_called(PATTERN)]))
