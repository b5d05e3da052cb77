"""The command, as the tests of full disks give it."""

import sys
from collections.abc import Callable

import pytest

from bunri.cli import main
from experiment_files import TESTS

Bunri = Callable[..., tuple[int, str]]
"""Takes words; gives exit code and what was said."""


@pytest.fixture
def bunri(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bunri:
    """The command in this process."""

    def command(*words: object) -> tuple[int, str]:
        monkeypatch.chdir(TESTS)
        monkeypatch.setattr(sys, "argv", ["bunri", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capsys.readouterr().err

    return command
