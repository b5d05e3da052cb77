"""The lock files fit what asks for them, name the very files, and lead to no place of ours."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from bunri.engines.catalogue import REQUIREMENTS, base_requirements

ROOT = Path(__file__).parents[1]
LOCKS = ("bunri", "engines")
ENTRY = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+)(?: ; (?P<marker>.+?))? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
FRAMEWORKS = ("effdet", "ultralytics", "mmdetection", "detectron2")


def text_of(lock: str) -> str:
    return (ROOT / "locks" / f"{lock}.txt").read_text()


def locked(lock: str) -> dict[str, list[Version]]:
    """Versions by package: of some there is one for each of several Pythons."""
    found: dict[str, list[Version]] = {}
    for match in map(ENTRY.fullmatch, text_of(lock).splitlines()):
        if match is not None:
            found.setdefault(canonicalize_name(match["name"]), []).append(Version(match["version"]))
    return found


def asked_by_bunri(
    project: Mapping[str, Any], extras: tuple[str, ...] = ("torchvision", "dev")
) -> Iterator[Requirement]:
    """What the package and some extras ask for; an extra may ask for others."""
    optional = project["optional-dependencies"]
    for line in (*project["dependencies"], *(line for extra in extras for line in optional[extra])):
        requirement = Requirement(line)
        if requirement.name == "bunri":
            yield from asked_by_bunri({**project, "dependencies": []}, tuple(requirement.extras))
        else:
            yield requirement


def asked_by_engines() -> Iterator[Requirement]:
    pins = [pin for framework in FRAMEWORKS for pin in REQUIREMENTS[framework].pins]
    yield from map(Requirement, [*pins, *base_requirements()])


def misfits(asked: Iterator[Requirement], lock: Mapping[str, list[Version]]) -> list[str]:
    return [
        f"{requirement} but {[str(version) for version in lock.get(canonicalize_name(requirement.name), [])]}"
        for requirement in asked
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if not any(
            requirement.specifier.contains(version) for version in lock.get(canonicalize_name(requirement.name), [])
        )
    ]


def test_all_that_bunri_asks_for_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert misfits(asked_by_bunri(project), locked("bunri")) == []


def test_all_that_the_frameworks_ask_for_is_locked() -> None:
    assert misfits(asked_by_engines(), locked("engines")) == []


def test_what_is_not_locked_would_be_told() -> None:
    lock = locked("bunri")
    assert misfits(iter([Requirement("numpy>=999"), Requirement("no-such-package")]), lock) == [
        f"numpy>=999 but {[str(version) for version in lock['numpy']]}",
        "no-such-package but []",
    ]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_has_the_hashes_of_its_files(lock: str) -> None:
    lines = [line for line in text_of(lock).splitlines() if not line.lstrip().startswith("#")]
    entries = [row for row, line in enumerate(lines) if not line.startswith(" ")]
    assert len(entries) > 100
    for row in entries:
        assert ENTRY.fullmatch(lines[row]), lines[row]
        assert HASH.fullmatch(lines[row + 1]), lines[row]
    assert all(HASH.fullmatch(line) for row, line in enumerate(lines) if row not in entries)


@pytest.mark.parametrize("lock", LOCKS)
def test_no_place_is_named(lock: str) -> None:
    assert not re.search(r"://|--index|--find-links|--trusted-host|file:", text_of(lock))
