import json
from pathlib import Path

import pytest

from builders import random_world
from bunri.errors import DataError
from bunri.files import write_json
from bunri.gain import GainReport, gain
from bunri.report import write_report
from bunri.report.gains import gain_files, read_gains
from bunri.report.intervals import Interval
from bunri.report.sources import Sources, find_sources
from experiment_builders import make_experiment_folder


@pytest.fixture(scope="module")
def measured() -> GainReport:
    """Two members added to one."""
    dataset, (a, b, c) = random_world(seed=1, images=20, members=3)
    return gain([a], [b, c], dataset, folds=2, resamples=20, families=("fused",))


def test_what_the_verb_writes_is_read(measured: GainReport, tmp_path: Path) -> None:
    write_json(tmp_path / "gain.json", measured.to_dict())
    found = read_gains(tmp_path / "gain.json")
    expected = measured.added[0].comparison
    assert [one.added for one in found.added] == ["member1", "member2"]
    assert found.added[0].gain == Interval(expected.difference, expected.low, expected.high)
    assert (found.added[0].mAP50_with, found.added[0].mAP50_without) == (expected.mAP50_a, expected.mAP50_b)
    assert found.added[0].verdict == expected.verdict
    assert found.recipe_without == str(measured.added[0].without.recipe)
    assert measured.shares is not None
    assert [one.name for one in found.shares] == ["member0", "member1", "member2"]
    assert found.shares[1].of_gain.value == measured.shares.members[1].of_gain
    assert list(found.notes) == list(measured.notes)


def test_without_common_photos_there_are_no_shares(measured: GainReport, tmp_path: Path) -> None:
    write_json(tmp_path / "gain.json", measured.to_dict() | {"shares": None})
    assert read_gains(tmp_path / "gain.json").shares == ()


@pytest.mark.parametrize("content", ['{"gains": [{"added": "fcos"}]}', "[]", '{"gains":'])
def test_a_file_that_is_none_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "gain.json").write_text(content)
    with pytest.raises(DataError, match=r"gain\.json"):
        read_gains(tmp_path / "gain.json")


def test_files_are_found_beside_the_models_and_where_they_are_named(tmp_path: Path) -> None:
    for name in ("trash_gain.json", "given_gain.json", "fcos.csv"):
        (tmp_path / name).write_text("{}")
    assert gain_files(Sources(experiments=(tmp_path,))) == [tmp_path / "given_gain.json", tmp_path / "trash_gain.json"]
    sources = find_sources([tmp_path / "fcos.csv", tmp_path / "given_gain.json"], truth=tmp_path / "train.json")
    assert (sources.files, sources.gains) == ((tmp_path / "fcos.csv",), (tmp_path / "given_gain.json",))
    assert sources.title == "fcos, given_gain"


def test_the_page_tells_gains_and_shares_and_leaves_a_broken_file_out(measured: GainReport, tmp_path: Path) -> None:
    folder = make_experiment_folder(tmp_path, photos=2)
    write_json(folder / "gain.json", measured.to_dict())
    (folder / "old_gain.json").write_text(json.dumps({"gains": 1}))
    write_report(folder, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert '<th scope="row">member2</th>' in page
    assert f"{measured.added[0].comparison.difference:+.4f}".replace("-", "−") in page
    assert "old_gain.json" in page
