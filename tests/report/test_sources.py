from pathlib import Path

import pytest

from bunri.errors import UsageError
from bunri.report.sources import find_sources, run_label


def run(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    return folder


def experiment(folder: Path) -> Path:
    run(folder / "fcos" / "fold0")
    (folder / "experiment.json").write_text("{}")
    return folder


def test_an_experiment_a_run_and_a_project_are_told_apart(tmp_path: Path) -> None:
    a, b = experiment(tmp_path / "runs" / "a"), experiment(tmp_path / "runs" / "b")
    assert find_sources([a]).experiments == (a,)
    assert find_sources([tmp_path / "runs"]).experiments == (a, b)
    assert find_sources([tmp_path / "runs", a]).projects == (tmp_path / "runs",)
    assert find_sources([a / "fcos" / "fold0"]).runs == (a / "fcos" / "fold0",)


def test_labels_name_the_experiment_where_there_are_several(tmp_path: Path) -> None:
    a, b = experiment(tmp_path / "a"), experiment(tmp_path / "b")
    assert [label for label, _ in find_sources([a]).run_folders()] == ["fcos/fold0"]
    assert [label for label, _ in find_sources([a, b]).run_folders()] == ["a/fcos/fold0", "b/fcos/fold0"]
    assert run_label(a / "fcos" / "fold0") == "fcos/fold0"
    assert run_label(run(tmp_path / "alone" / "fold3")) == "alone/fold3"


def test_titles(tmp_path: Path) -> None:
    (tmp_path / "fcos.csv").write_text("")
    (tmp_path / "verdicts.json").write_text("{}")
    sources = find_sources([experiment(tmp_path / "a"), tmp_path / "fcos.csv", tmp_path / "verdicts.json"])
    assert sources.title == "a, fcos, verdicts"
    assert (sources.files, sources.verdicts) == ((tmp_path / "fcos.csv",), (tmp_path / "verdicts.json",))


def test_files_are_known_by_what_they_say_else_by_their_name(tmp_path: Path) -> None:
    contents = {"a.json": '{"hypotheses": []}', "b.json": ' {"gains": []}', "my_gain.json": "{", "c.json": "[{}]"}
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
    sources = find_sources([tmp_path / name for name in contents], tmp_path / "train.json")
    assert [path.name for path in sources.verdicts] == ["a.json"]
    assert [path.name for path in sources.gains] == ["b.json", "my_gain.json"]
    assert [path.name for path in sources.files] == ["c.json"]


def test_what_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere is not there"):
        find_sources([tmp_path / "nowhere"])
    with pytest.raises(UsageError, match="got nothing"):
        find_sources([])


def test_predictions_alone_need_their_truth(tmp_path: Path) -> None:
    (tmp_path / "fcos.csv").write_text("")
    with pytest.raises(UsageError, match="add --truth"):
        find_sources([tmp_path / "fcos.csv"])
    assert find_sources([tmp_path / "fcos.csv"], tmp_path / "train.json").files == (tmp_path / "fcos.csv",)
