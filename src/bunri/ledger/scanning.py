"""Experiments' folders read into entries."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bunri.errors import DataError
from bunri.files import read_json
from bunri.ledger.entries import Entry
from bunri.run_folder import begun_runs
from bunri.search import read_recipe

FACTS = ("git", "sha256", "versions", "bunri")
"""What is kept of a run's manifest."""


def scan(runs: Path) -> list[Entry]:
    """Every model and ensemble of the experiments below a folder that have come to a leaderboard.

    Raises:
        DataError: A file is not as bunri writes it.
    """
    return [entry for board in sorted(runs.glob("**/leaderboard.json")) for entry in _of_experiment(board)]


def _of_experiment(board: Path) -> Iterator[Entry]:
    content = read_json(board, "the leaderboard")
    try:
        rows, name = content["rows"], str(content["experiment"])
        minutes = {row["model"]: _minutes(_manifests(board.parent / row["model"])) for row in rows}
        yield from (_entry(row, name, board.parent / row["model"], minutes) for row in rows)
    except (KeyError, TypeError) as error:
        raise DataError(f"the leaderboard must be as bunri writes it, but {board}: {error!r}. Run it again.") from error


def _entry(row: Mapping[str, Any], experiment: str, folder: Path, minutes: Mapping[str, float | None]) -> Entry:
    manifests = _manifests(folder)
    recipe = read_recipe(folder / "recipe.json") if row["is_ensemble"] else None
    members = tuple(recipe.members) if recipe is not None else ()
    cost = sum(minutes.get(member) or 0.0 for member in members) if recipe is not None else minutes[row["model"]]
    return Entry(
        name=f"{experiment}/{row['model']}",
        kind="ensemble" if row["is_ensemble"] else "model",
        folder=str(folder),
        out_of_fold=row["mAP50"],
        low=row["low"],
        high=row["high"],
        test=row["test_mAP50"],
        minutes=cost,
        members=members,
        recipe=None if recipe is None else str(recipe),
        facts=_facts(row, manifests),
        ended=_ended(manifests) or _ended(_manifests(folder.parent)),
    )


def _facts(row: Mapping[str, Any], manifests: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    kept = {key: manifests[-1].get(key) for key in FACTS} if manifests else {}
    return kept | ({"stopped_early": row["stopped_early"]} if row.get("stopped_early") else {})


def _manifests(folder: Path) -> list[dict[str, Any]]:
    return [run.read_manifest() for run in begun_runs(folder)]


def _minutes(manifests: Sequence[Mapping[str, Any]]) -> float | None:
    seconds = [sum(manifest.get("seconds", {}).values()) for manifest in manifests]
    return round(sum(seconds) / 60, 2) if seconds else None


def _ended(manifests: Sequence[Mapping[str, Any]]) -> str | None:
    return max((str(manifest["ended"]) for manifest in manifests if manifest.get("ended")), default=None)
