import fcntl
import json
import sys
from pathlib import Path

import pytest

from bunri.engines import catalogue
from bunri.engines.catalogue import REQUIREMENTS, Requirements, base_requirements, engine_state
from bunri.engines.environments import Environment, engines_home, environment_of
from bunri.engines.installing import install
from bunri.engines.process import interpreter_of
from bunri.errors import EngineError, OutputError, UsageError
from pretend_python import pip_calls, write_pretend_python


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for engine in REQUIREMENTS:
        monkeypatch.delenv(f"BUNRI_{engine.upper()}_PYTHON", raising=False)
    monkeypatch.setenv("BUNRI_ENGINES", str(tmp_path / "engines"))
    return tmp_path / "engines"


@pytest.fixture
def python(tmp_path: Path) -> str:
    return write_pretend_python(tmp_path)


def quiet(line: str) -> None:
    assert line


def test_an_engine_gets_an_environment_that_is_found_from_then_on(home: Path, python: str) -> None:
    assert interpreter_of("effdet") == sys.executable
    [environment] = install(["effdet"], say=quiet, python=python)
    assert environment.folder == home / "effdet"
    assert interpreter_of("effdet") == str(home / "effdet" / "bin" / "python")
    assert interpreter_of("torchvision") == sys.executable
    record = json.loads(environment.marker.read_text())
    assert record["engines"] == ["effdet"]
    assert record["versions"]["effdet"] == "0.4.1"
    assert engine_state("effdet").ready


def test_pins_and_what_bunri_needs_go_to_pip_at_once(python: str, home: Path) -> None:
    install(["effdet"], say=quiet, python=python)
    [call] = pip_calls(home / "effdet")
    assert set(call) == {*REQUIREMENTS["effdet"].pins, *base_requirements()}
    assert "torch==2.14.1" in call
    assert any(requirement.startswith("polars") for requirement in call)
    assert not any("extra" in requirement for requirement in call)


def test_several_engines_share_an_environment_and_others_join_it(tmp_path: Path, home: Path, python: str) -> None:
    shared = tmp_path / "shared"
    assert install(["effdet", "ultralytics"], shared, quiet, python) == [Environment(shared)]
    install(["mmdetection"], shared, quiet, python)
    assert {interpreter_of(name) for name in ("effdet", "ultralytics", "mmdetection")} == {str(shared / "bin/python")}
    first, second = pip_calls(shared)
    assert set(first) < set(second)  # pip sees the pins of all at once, so that none is broken by another
    assert Environment(shared).engines == ("effdet", "ultralytics", "mmdetection")
    assert sorted(path.name for path in home.iterdir()) == ["effdet.path", "mmdetection.path", "ultralytics.path"]


def test_a_wheel_for_another_python_is_checked_and_put_beside_the_packages(python: str, home: Path) -> None:
    install(["detectron2"], say=quiet, python=python)
    packages = home / "detectron2" / "packages"
    call = pip_calls(home / "detectron2")[1]
    assert call[call.index("--target") + 1] == str(packages / "_detectron2")
    assert {"--no-deps", "--only-binary=:all:"} <= set(call)
    assert " ".join(call).count("--python-version 3.10 --implementation cp --abi none --platform any") == 1
    asked = Path(call[call.index("-r") + 1]).read_text()
    assert asked.startswith("sal-detectron2==0.7.2 --hash=sha256:491af0c7")
    assert (packages / "detectron2.pth").read_text() == "_detectron2\n"
    assert (packages / "_detectron2" / "detectron2").is_dir()
    assert not (packages / "_detectron2" / "tools").exists()


@pytest.mark.parametrize("broken", ["torch==2.14.1", "sal-detectron2.txt", "detectron2.txt"])
def test_a_broken_installation_is_never_taken_for_a_good_one_and_goes_on(
    home: Path, python: str, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    monkeypatch.setenv("PRETEND_FAIL", broken)
    if broken != "sal-detectron2.txt":  # the control: no step names it
        with pytest.raises(EngineError) as caught:
            install(["detectron2"], say=quiet, python=python)
        assert f"  | ERROR: No matching distribution found for {broken}" in str(caught.value)
        assert "ended with exit code 1" in str(caught.value)
        assert str(home / "detectron2" / "bunri-install.log") in str(caught.value)
        assert caught.value.exit_code == 1
        assert interpreter_of("detectron2") == sys.executable
        assert environment_of("detectron2") is None
        assert Environment(home / "detectron2").engines == ()
        monkeypatch.delenv("PRETEND_FAIL")
    install(["detectron2"], say=quiet, python=python)
    assert interpreter_of("detectron2") == str(home / "detectron2" / "bin" / "python")


def test_an_engine_that_cannot_join_takes_the_others_out_of_use_until_it_is_mended(
    tmp_path: Path, python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "shared"
    install(["effdet"], shared, quiet, python)
    monkeypatch.setenv("PRETEND_FAIL", "ultralytics==8.4.190")
    with pytest.raises(EngineError, match="effdet, ultralytics: installing packages"):
        install(["ultralytics"], shared, quiet, python)
    assert environment_of("effdet") is None  # pip may have changed what it needs
    monkeypatch.delenv("PRETEND_FAIL")
    install(["ultralytics"], shared, quiet, python)
    assert environment_of("effdet") == environment_of("ultralytics") == Environment(shared)


def test_a_package_that_pip_left_out_is_noticed(python: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRETEND_LEAVE_OUT", "effdet==0.4.1")
    with pytest.raises(EngineError, match=r"\['effdet'\] must be there in the end"):
        install(["effdet"], say=quiet, python=python)
    assert environment_of("effdet") is None


def test_a_python_that_makes_no_environments_is_told(home: Path) -> None:
    with pytest.raises(EngineError, match="making the environment must end without error, but ended with exit code 1"):
        install(["effdet"], say=quiet, python="/bin/false")
    assert environment_of("effdet") is None


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path, python: str) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "0001.jpg").touch()
    with pytest.raises(UsageError, match="must be new, empty or an environment of Python"):
        install(["effdet"], tmp_path / "photos", quiet, python)
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["0001.jpg"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, python: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="must be writable"):
        install(["effdet"], tmp_path / "file" / "below", quiet, python)


def test_two_installations_do_not_meet_in_a_folder(tmp_path: Path, python: str) -> None:
    environment = Environment(tmp_path / "shared")
    environment.folder.mkdir()
    with environment.unfinished.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="another installation is at work"):
            install(["effdet"], environment.folder, quiet, python)


def test_an_unknown_engine_is_refused_before_anything_is_made(home: Path, python: str) -> None:
    with pytest.raises(UsageError, match="'efdet' is unknown; did you mean 'effdet'"):
        install(["torchvision", "efdet"], say=quiet, python=python)
    assert not home.exists()


@pytest.mark.parametrize("damage", ["{", '{"engine": []}', "[]"])
def test_a_damaged_record_vouches_for_nothing(python: str, damage: str) -> None:
    [environment] = install(["effdet"], say=quiet, python=python)
    environment.marker.write_text(damage)
    assert environment_of("effdet") is None
    install(["effdet"], say=quiet, python=python)
    assert environment_of("effdet") == environment


def test_a_deleted_environment_is_no_environment(python: str) -> None:
    [environment] = install(["effdet"], say=quiet, python=python)
    environment.python.unlink()
    assert interpreter_of("effdet") == sys.executable


def test_the_home_of_the_engines_follows_the_usual_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BUNRI_ENGINES", ".engines")
    assert engines_home() == tmp_path / ".engines"
    monkeypatch.delenv("BUNRI_ENGINES")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert engines_home() == tmp_path / "data" / "bunri" / "engines"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert engines_home() == tmp_path / ".local" / "share" / "bunri" / "engines"


@pytest.mark.engines
def test_a_small_package_is_really_installed(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    tiny = Requirements(("iniconfig",), ("iniconfig==2.3.1",), "MIT")
    monkeypatch.setattr(catalogue, "REQUIREMENTS", {"torchvision": tiny})
    monkeypatch.setattr("bunri.engines.installing.base_requirements", lambda: ())
    try:
        [environment] = install(["torchvision"], say=quiet)
    except EngineError as error:
        if "No matching distribution" in str(error):
            pytest.skip("no package index can be reached")
        raise
    state = engine_state("torchvision")
    assert state.versions["iniconfig"] == "2.3.1"
    assert state.interpreter == str(environment.python) == str(home / "torchvision/bin/python")
    assert state.install is not None  # a worker needs numpy and the like, too
    assert state.install.startswith(f"{environment.python} -m pip install 'numpy>=")
