import subprocess
import sys
from pathlib import Path

import pytest

from bunri import cli
from bunri.cli import build_app, main
from bunri.errors import BunriError, ConfigError, DataError, EngineError, UsageError

HEAVY = ("torch", "torchvision", "numba", "albumentations", "polars", "sklearn", "jinja2", "wandb")


def modules_after(code: str) -> set[str]:
    """The heavy modules a new Python has loaded after some code."""
    show = f"import sys; print(' '.join(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", f"{code}\n{show}"], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split()) if done.stdout.splitlines()[-1:] else set()


HELP = """
import contextlib, sys
import bunri.cli
sys.argv = ["bunri", "--help"]
with contextlib.suppress(SystemExit):
    bunri.cli.main()
"""


@pytest.mark.parametrize("code", ["import bunri", "import bunri.engines.worker", HELP])
def test_neither_the_package_nor_its_help_nor_a_new_worker_loads_anything_heavy(code: str) -> None:
    assert modules_after(code) == set()


def test_the_helper_of_that_test_sees_what_is_loaded() -> None:
    assert modules_after("import polars") == {"polars"}


def run_main(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["bunri", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    ("error", "code"),
    [(EngineError("it broke"), 1), (UsageError("no"), 2), (ConfigError("bad key"), 2), (DataError("bad row"), 3)],
)
def test_an_error_of_ours_is_one_line_and_its_exit_code(
    error: BunriError, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(cli, "build_app", lambda: fail)
    assert run_main(monkeypatch) == code
    assert capsys.readouterr() == ("", f"error: {error}\n")


@pytest.mark.parametrize("arguments", [["rnu"], ["run"], ["run", "x.yaml", "--resum"], ["engines", "remove"]])
def test_wrong_usage_ends_with_2(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_main(monkeypatch, *arguments) == 2
    assert capsys.readouterr().out == ""


def test_the_version_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_main(monkeypatch, "--version") == 0
    assert capsys.readouterr().out.startswith("bunri 0.")


def test_every_verb_has_a_sentence_of_help() -> None:
    commands = build_app().registered_commands
    assert {"run", "predict", "engines"} <= {command.name for command in commands}
    assert all(command.callback is not None and command.callback.__doc__ for command in commands)


def test_python_m_bunri_is_the_command(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bunri", "run", "absent.yaml"], capture_output=True, text=True, cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: the experiment must be a file, but absent.yaml is not there. Check the path.\n"
