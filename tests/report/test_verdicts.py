import json
from pathlib import Path
from typing import Any

import pytest

from bunri.errors import DataError
from bunri.report.intervals import Interval
from bunri.report.sources import Sources, find_sources
from bunri.report.verdicts import read_verdicts, verdict_files

CLAIM: dict[str, Any] = {
    "id": "H1",
    "claim": "Flips help",
    "effect": "flipped - plain",
    "metric": "mAP50",
    "smallest_effect": 0.01,
    "value": 0.02,
    "low": 0.012,
    "high": None,
    "verdict": "supported",
    "p_support_corrected": 0.003,
    "power": None,
    "notes": ["one training of each model"],
}


def test_a_claim_with_its_verdict(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.json"
    path.write_text(json.dumps({"version": 1, "hypotheses": [CLAIM]}))
    [found] = read_verdicts(path)
    assert (found.name, found.verdict, found.smallest, found.p_value, found.power) == (
        "H1",
        "supported",
        0.01,
        0.003,
        None,
    )
    assert found.value == Interval(0.02, 0.012, None)
    assert found.notes == ("one training of each model",)


@pytest.mark.parametrize("content", ['{"hypotheses": [{"id": "H1"}]}', "[]", '{"hypotheses":'])
def test_a_file_that_is_none_is_told(tmp_path: Path, content: str) -> None:
    path = tmp_path / "verdicts.json"
    path.write_text(content)
    with pytest.raises(DataError, match=r"verdicts\.json"):
        read_verdicts(path)


def test_files_are_found_beside_the_models_and_where_they_are_named(tmp_path: Path) -> None:
    (tmp_path / "flips_verdicts.json").write_text("{}")
    sources = Sources(experiments=(tmp_path,), verdicts=(Path("given.json"),))
    assert verdict_files(sources) == [Path("given.json"), tmp_path / "flips_verdicts.json"]


def test_a_project_has_verdicts_on_its_experiments(tmp_path: Path) -> None:
    (tmp_path / "flips" / "fcos" / "fold0").mkdir(parents=True)
    (tmp_path / "flips" / "experiment.json").write_text("{}")
    for path in (tmp_path / "verdicts.json", tmp_path / "flips" / "own_verdicts.json"):
        path.write_text(json.dumps({"hypotheses": [CLAIM]}))
    sources = find_sources([tmp_path, tmp_path / "verdicts.json"])
    assert verdict_files(sources) == [tmp_path / "verdicts.json", tmp_path / "flips" / "own_verdicts.json"]
