from pathlib import Path

import pytest

from bunri.cluster.shared_folder import Sign, driving
from bunri.errors import ConfigError, OutputError, UsageError


def test_a_node_that_sees_the_folder_and_its_lock_may_work(tmp_path: Path) -> None:
    with driving(tmp_path / "runs") as sign:
        sign.check()
    with driving(tmp_path / "runs") as again:  # free again, with another text
        again.check()
    assert again.text != sign.text


def test_one_process_drives(tmp_path: Path) -> None:
    with driving(tmp_path) as sign, pytest.raises(UsageError, match="driven by one process"), driving(tmp_path):
        pass
    assert sign.path.read_text() == sign.text


def test_another_folder_under_the_same_path_is_refused(tmp_path: Path) -> None:
    with driving(tmp_path) as sign, pytest.raises(ConfigError, match="all nodes share"):
        Sign(tmp_path / "elsewhere" / ".driver", sign.text).check()
    with driving(tmp_path) as sign, pytest.raises(ConfigError, match="all nodes share"):
        Sign(sign.path, "what another driver wrote").check()


def test_a_lock_that_is_not_seen_is_refused(tmp_path: Path) -> None:
    with driving(tmp_path) as sign:
        pass
    with pytest.raises(ConfigError, match="locks all nodes see"):
        sign.check()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(OutputError), driving(tmp_path / "runs" / "tiny"):
        pass
