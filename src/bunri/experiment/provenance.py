"""Where a run comes from: command, machine, versions, state of the user's project. Never the environment's values."""

import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from bunri.files import sha256_of
from bunri.redacting import without_secrets


def provenance(folder: Path) -> dict[str, Any]:
    """Facts of the parent process and of the git project around ``folder``."""
    return {
        "command": [Path(sys.argv[0]).name, *map(without_secrets, sys.argv[1:])],
        "bunri": metadata.version("bunri"),
        "machine": machine(),
        "git": git_state(folder),
    }


def made_by(sha256: Mapping[str, str]) -> dict[str, Any]:
    """What a result is the work of: version, code state, and hashes of files by path."""
    return {"bunri": metadata.version("bunri"), "git": git_state(Path.cwd()), "sha256": dict(sha256)}


def made_by_files(paths: Sequence[Path]) -> dict[str, Any]:
    """:func:`made_by` of files: annotations and predictions."""
    return made_by({str(path): sha256_of(path) for path in paths})


def machine() -> dict[str, Any]:
    """The machine this process runs on."""
    return {"system": platform.platform(), "cpus": os.cpu_count()}


def git_state(folder: Path) -> dict[str, Any] | None:
    """Commit of the project and whether files differ from it; None where there is no project or no git."""
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "dirty": bool(changed)}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
