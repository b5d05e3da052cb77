"""Results of evaluating, searching and comparing, as text."""

import math
from typing import TYPE_CHECKING, Any

from bunri.cli.output import table

if TYPE_CHECKING:
    from bunri.evaluate import Comparison
    from bunri.evaluate.bootstrap import EvaluationIntervals
    from bunri.search import SearchResult


def evaluation_values(found: "EvaluationIntervals") -> dict[str, Any]:
    """An evaluation with its intervals as plain values."""
    by_class = {name: list(one) for name, one in found.AP50.items()}
    return found.evaluation.to_dict() | {"mAP50_interval": list(found.mAP50), "AP50_interval": by_class}


def evaluation_text(values: dict[str, Any]) -> str:
    """The numbers as tables: the whole, each class, each size."""
    bounds = {"mAP50": values.get("mAP50_interval")} | values.get("AP50_interval", {})
    rows = [("all", _number(values["mAP50"], bounds["mAP50"]), _number(values["mAP50_95"]))]
    for size in ("small", "medium", "large"):
        rows.append((size, _number(values[f"mAP50_{size}"]), _number(values[f"mAP50_95_{size}"])))
    for name, score in values["AP50"].items():
        rows.append((name, _number(score, bounds.get(name)), _number(values["AP50_95"][name])))
    return f"{table(('', 'mAP50', 'mAP50_95'), rows)}\n\n{_counted(values)}"


def _counted(values: dict[str, Any]) -> str:
    not_seen = f", {values['images_not_seen']} not looked at" if values["images_not_seen"] else ""
    lowest = "no boxes" if values["lowest_score"] is None else f"lowest score {values['lowest_score']:.4g}"
    floor = f"floor {values['min_score']:g}, " if values["min_score"] else ""
    return f"{values['images']} images{not_seen}; {floor}{lowest}"


def _number(value: float | None, interval: list[float] | None = None) -> str:
    if value is None:
        return "-"
    known = interval is not None and not math.isnan(interval[0])
    return f"{value:.4f} [{interval[0]:.4f}, {interval[1]:.4f}]" if interval and known else f"{value:.4f}"


def comparison_text(found: "Comparison") -> str:
    """A comparison in three lines."""
    lines = [
        f"{found.a} {found.mAP50_a:.4f}, {found.b} {found.mAP50_b:.4f}: {found.difference_in_words}",
        f"{found.a} is {found.verdict} (p = {found.p_value:.3g})"
        if found.verdict != "undecided"
        else f"undecided (p = {found.p_value:.3g})",
        f"{found.images} images, scores from {found.min_score:.4g} on "
        f"(lowest: {found.a} {found.lowest_score_a:.4g}, {found.b} {found.lowest_score_b:.4g})",
    ]
    if found.images_to_decide is not None:
        lines[1] += f"; {_needed(found.images_to_decide)} images would decide"
    return "\n".join(lines)


def _needed(images: int) -> str:
    """About a number of images: two digits are all that such a number is good for."""
    return "more than a million" if images > 1_000_000 else f"about {float(f'{images:.2g}'):,.0f}"


def search_text(found: "SearchResult") -> str:
    """What was found and what it is worth."""
    floors = ", ".join(f"{name} {score:.4g}" for name, score in found.lowest_scores.items())
    families = ", ".join(f"{name} {score:.4f}" for name, score in found.family_scores.items())
    return "\n".join(
        [
            str(found.recipe),
            f"mAP50 {found.score:.4f} [{found.low:.4f}, {found.high:.4f}] out of fold "
            f"({found.folds} folds, {found.groups} groups of {found.images} images)",
            f"against {found.gain.b} alone: {found.gain.difference_in_words}, {found.gain.verdict}",
            f"families: {families}; lowest scores: {floors}; {found.seconds:.1f} s",
            *explanation_lines(found.recipe.found.get("explanation")),
            *found.notes,
        ]
    )


def explanation_lines(explanation: Any) -> list[str]:
    """What a learned recipe looks at: the first features, and the members."""
    if not explanation:
        return []
    parts = {"features": list(explanation["features"].items())[:6], "members": explanation["members"].items()}
    return [f"{what} by gain: {', '.join(f'{k} {share:.0%}' for k, share in rows)}" for what, rows in parts.items()]
