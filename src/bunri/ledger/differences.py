"""What differs between two runs: config, recipe, data, versions, scores."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bunri.errors import UsageError
from bunri.run_folder import RunFolder

COMPARED = ("engine", "model", "fold", "seed", "sha256", "versions", "bunri", "git", "interpreter", "facts", "best")
"""Parts of a manifest; the others (times, message) differ always and say nothing."""

JOB = ("overrides", "recipe", "threads", "device")


@dataclass(frozen=True)
class Differences:
    """What differs between runs A and B.

    Attributes:
        values: By dotted path the value of A and of B; None where one has none.
        config: The resolved configs as a unified diff, empty where they are the same.
    """

    values: Mapping[str, tuple[Any, Any]]
    config: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def differences(a: Path, b: Path) -> Differences:
    """Compare two run folders.

    Raises:
        UsageError: A folder is not that of a run.
        DataError: Its manifest or job is not as bunri writes it.
    """
    runs = [_run(path) for path in (a, b)]
    manifests = [{key: run.read_manifest().get(key) for key in COMPARED} for run in runs]
    jobs = [{key: run.read_job().get(key) for key in JOB} for run in runs]
    both = [manifest | {"job": job} for manifest, job in zip(manifests, jobs, strict=True)]
    return Differences(dict(_different(both[0], both[1], "")), _config_diff(runs[0], runs[1]))


def _run(path: Path) -> RunFolder:
    run = RunFolder(path)
    if not run.manifest_file.is_file():
        raise UsageError(
            f"{path} must be the folder of one run, such as runs/trash/fcos/fold0, but it has no manifest.json"
        )
    return run


def _different(a: Any, b: Any, place: str) -> Iterator[tuple[str, tuple[Any, Any]]]:
    if isinstance(a, dict) and isinstance(b, dict):
        for key in dict.fromkeys([*a, *b]):
            yield from _different(a.get(key), b.get(key), f"{place}.{key}" if place else str(key))
    elif a != b:
        yield place, (a, b)


def _config_diff(a: RunFolder, b: RunFolder) -> str:
    lines = [_resolved(run).splitlines(keepends=True) for run in (a, b)]
    return "".join(difflib.unified_diff(lines[0], lines[1], str(a.path), str(b.path)))


def _resolved(run: RunFolder) -> str:
    found = sorted(run.path.glob("resolved_config.*"))
    return found[0].read_text() if found else ""
