import sys
from pathlib import Path

import pytest

from bunri.errors import ConfigError
from bunri.user_code import check_call, found_in, is_path, load


def of_mine(dataset: object, power: float, *, floor: float = 1.0) -> None:
    """A function to be looked up."""


@pytest.mark.parametrize("separator", [".", ":"])
def test_a_name_is_found_by_both_kinds_of_path(separator: str) -> None:
    path = f"{__name__}{separator}of_mine"
    assert is_path(path)
    assert load(path, "sampler.name") is of_mine
    assert not is_path("AdamW")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("no_such_module:f", "sampler.name: 'no_such_module:f' cannot be loaded: ModuleNotFoundError"),
        ("test_broken_module:f", "ZeroDivisionError: division by zero. Put its module beside the experiment file"),
        (f"{__name__}:of_mind", "has no 'of_mind'; did you mean 'of_mine'?"),
        (":f", "cannot be loaded: ValueError"),
    ],
)
def test_what_cannot_be_found_is_named(path: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "test_broken_module.py").write_text("1 / 0\n")
    with found_in([tmp_path]), pytest.raises(ConfigError) as caught:
        load(path, "sampler.name")
    assert words in str(caught.value)


def test_folders_are_searched_last_and_only_for_a_while(tmp_path: Path) -> None:
    before = list(sys.path)
    with found_in([tmp_path, Path(before[0])]):
        assert sys.path == [*before, str(tmp_path)]
    assert sys.path == before


def test_arguments_are_checked_without_a_call() -> None:
    check_call(of_mine, {"power": 0.5}, "sampler.arguments", given=["dataset"])
    for arguments, words in (({"powr": 1}, "'power'"), ({"power": 1, "ceil": 2}, "'ceil'")):
        with pytest.raises(ConfigError, match=rf"sampler\.arguments: it is called with \(dataset, .*{words}"):
            check_call(of_mine, arguments, "sampler.arguments", given=["dataset"])
