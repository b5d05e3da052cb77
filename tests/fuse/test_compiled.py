"""What compiling needs: no folder that can be written."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "bunri"

PROGRAM = """
from builders import random_world
from bunri.fuse import fuse
from bunri.fuse.nms import fuse_cells
print(len(fuse(random_world(images=2)[1], method="nms")), fuse_cells.stats.cache_path)
"""


def run(source: Path, environment: dict[str, str]) -> str:
    paths = os.pathsep.join([str(source), str(Path(__file__).parents[1])])
    settings = os.environ | {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"} | environment
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=settings, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_without_a_folder_for_the_cache_everything_is_compiled_anew(tmp_path: Path) -> None:
    """Files stand wherever a folder for the cache would be made; permissions would not stop the root user."""
    copy = tmp_path / "bunri"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in (copy, copy / "fuse"):
        (folder / "__pycache__").write_text("")
    home = tmp_path / "home"
    home.write_text("")
    blocked = {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "NUMBA_CACHE_DIR": ""}
    boxes, kept_in = run(tmp_path, blocked).split()
    assert int(boxes) > 0
    assert kept_in == "None"


def test_the_cache_folder_can_be_chosen(tmp_path: Path) -> None:
    _, folder = run(SOURCE.parent, {"NUMBA_CACHE_DIR": str(tmp_path)}).split()
    assert Path(folder).is_relative_to(tmp_path)
    assert list(tmp_path.rglob("*fuse_cells*.nbi"))
