"""Environments for engines, from PyPI alone: pinned, marked as good at the very end, mended when made again."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bunri.engines.catalogue import UnpackedWheel, base_requirements, installed_versions, requirements_of
from bunri.engines.environments import Environment, engines_home, register
from bunri.errors import EngineError, UsageError
from bunri.files import cannot_write, write_json, write_text

LOG_LINES = 12
"""Lines of pip's log shown where it failed."""

PIP = ("-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar", "off")

_PURELIB = "import sysconfig; print(sysconfig.get_path('purelib'))"

Say = Callable[[str], None]


def install(
    names: Sequence[str], into: Path | None = None, say: Say = print, python: str = sys.executable
) -> list[Environment]:
    """Install engines, each into an environment of its own, or all into one.

    Args:
        names: Of the engines.
        into: Folder of the environment they share; by default each gets one under the home of the engines.
        say: Hears what is being done, a line at a time.
        python: The Python the environments are made with.

    Returns:
        The environments, in the order of ``names`` or the one they share.

    Raises:
        UsageError: An unknown name, or a folder that holds something else.
        EngineError: pip failed; the message has its last lines. Given again, the command goes on.
        OutputError: The folder cannot be written.
    """
    for name in names:
        requirements_of(name)
    if into is not None:
        return [_install(names, Environment(into.absolute()), say, python)]
    return [_install([name], Environment(engines_home() / name), say, python) for name in names]


def _install(names: Sequence[str], environment: Environment, say: Say, python: str) -> Environment:
    with _claimed(environment):
        engines = list(dict.fromkeys([*environment.recorded, *names]))
        say(f"{', '.join(engines)}: installing into {environment.folder}; pip writes to {environment.log.name} there")
        _Installation(environment, engines, say).run(python)
        environment.unfinished.unlink()
    for name in names:
        register(name, environment)
    return environment


class _Installation:
    """The steps of one installation; each may be taken again."""

    def __init__(self, environment: Environment, engines: Sequence[str], say: Say) -> None:
        self._environment, self._engines, self._say = environment, engines, say
        self._needed = {name: requirements_of(name) for name in engines}

    def run(self, python: str) -> None:
        if not self._pip_works():
            self._run([python, "-m", "venv", str(self._environment.folder)], "making the environment")
        pins = dict.fromkeys(pin for needed in self._needed.values() for pin in needed.pins)
        self._pip([*pins, *base_requirements()], "installing packages, which takes minutes")
        for name, needed in self._needed.items():
            if needed.unpacked is not None:
                self._unpack(name, needed.unpacked)
        write_json(self._environment.marker, {"engines": list(self._engines), "versions": self._versions()})

    def _pip_works(self) -> bool:
        try:
            command = [str(self._environment.python), "-m", "pip", "--version"]
            return subprocess.run(command, capture_output=True, env=_environment()).returncode == 0
        except OSError:
            return False

    def _unpack(self, name: str, wheel: UnpackedWheel) -> None:
        """Put a wheel into a folder of its own beside the packages, and let Python find it there."""
        packages = Path(self._ask(_PURELIB))
        folder = packages / f"_{name}"
        shutil.rmtree(folder, ignore_errors=True)
        requirement = self._environment.folder / f"{name}.txt"
        write_text(requirement, f"{wheel.requirement} --hash=sha256:{wheel.sha256}\n")
        arguments = ["--no-deps", "--only-binary=:all:", *wheel.tags, "--target", str(folder), "-r", str(requirement)]
        self._pip(arguments, f"unpacking {wheel.requirement}")
        for left_out in wheel.left_out:
            shutil.rmtree(folder / left_out, ignore_errors=True)
        write_text(packages / f"{name}.pth", f"{folder.name}\n")

    def _versions(self) -> dict[str, str | None]:
        packages = [package for needed in self._needed.values() for package in needed.packages]
        versions = installed_versions(str(self._environment.python), packages)
        missing = [package for package, version in versions.items() if version is None]
        if missing:
            raise self._failed(f"{missing} must be there in the end, but pip left them out")
        return versions

    def _pip(self, arguments: Sequence[str], step: str) -> None:
        self._run([str(self._environment.python), *PIP, *arguments], step)

    def _ask(self, code: str) -> str:
        command = [str(self._environment.python), "-c", code]
        return subprocess.run(command, capture_output=True, text=True, check=True, env=_environment()).stdout.strip()

    def _run(self, command: Sequence[str], step: str) -> None:
        self._say(f"  {step}")
        with self._environment.log.open("ab") as log:
            log.write(f"$ {' '.join(command)}\n".encode())
            log.flush()
            code = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=_environment()
            ).returncode
        if code != 0:
            raise self._failed(f"{step} must end without error, but ended with exit code {code}")

    def _failed(self, what: str) -> EngineError:
        log = self._environment.log
        lines = [line for line in log.read_text(errors="replace").splitlines() if not line.startswith("$ ")]
        shown = "\n".join(f"  | {line}" for line in lines[-LOG_LINES:])
        return EngineError(
            f"{', '.join(self._engines)}: {what}; {log} ends with\n{shown}\nMend the cause and give the command again."
        )


@contextmanager
def _claimed(environment: Environment) -> Iterator[None]:
    """Hold the folder of an environment, marked as unfinished; the mark stays unless the block takes it away."""
    folder = environment.folder
    _check_free(environment)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with environment.unfinished.open("w") as mark:
            _lock(mark.fileno(), folder)
            yield
    except OSError as error:
        raise cannot_write(folder, error) from error


def _check_free(environment: Environment) -> None:
    folder = environment.folder
    if not folder.exists() or environment.unfinished.exists() or (folder / "pyvenv.cfg").exists():
        return
    if not folder.is_dir() or any(folder.iterdir()):
        raise UsageError(
            f"{folder} must be new, empty or an environment of Python, but holds something else. Name another folder."
        )


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UsageError(f"{folder} must be free, but another installation is at work there. Wait for it.") from None


def _environment() -> Mapping[str, str]:
    """Ours, without what would lead the new environment to other packages."""
    return {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
