"""Photos are read whole before a model is loaded: a broken one is told at the door, not after an hour."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from bunri.errors import DataError
from bunri.events import PhaseStarted, Progress
from bunri.photos import UnreadablePhoto, read_photo
from bunri.run_folder import RunFolder
from bunri.writers import RecordedRun, say_to_stderr
from bunri.writers.console import console_writer

Say = Callable[[str], None]
"""Shows a sentence to people."""

SHOWN = 10
"""So many broken photos are named in an error."""

Size = tuple[int, int]
"""Width and height in pixels, as the photo is to be seen."""


def sizes_of_whole_photos(paths: Sequence[Path], skip_broken: Say | None = None) -> dict[Path, Size]:
    """Width and height of each photo that is whole, in the order of ``paths``.

    Args:
        paths: Photo files.
        skip_broken: Hears of each broken one; None refuses them.

    Raises:
        DataError: Photos are broken; the message names them.
    """
    with closing(console_writer(RecordedRun("predict", "photos", "photos", RunFolder(Path())))) as console:
        console.write(PhaseStarted("check", len(paths)))
        sizes: dict[Path, Size] = {}
        broken: list[str] = []
        with ThreadPoolExecutor() as pool:
            for done, (path, seen) in enumerate(zip(paths, pool.map(_looked_at, paths), strict=True), 1):
                console.write(Progress(done))
                if isinstance(seen, str):
                    broken.append(f"{path}: {seen}")
                else:
                    sizes[path] = seen
    if broken and skip_broken is None:
        raise DataError(_refusal(broken, len(paths)))
    for line in broken:
        (skip_broken or say_to_stderr)(f"left out: {line}")
    return sizes


def _looked_at(path: Path) -> Size | str:
    try:
        height, width, _ = read_photo(path).shape
    except UnreadablePhoto as error:
        return error.reason
    return width, height


def _refusal(broken: Sequence[str], count: int) -> str:
    lines = "\n".join(f"  {line}" for line in broken[:SHOWN])
    more = f"\n  and {len(broken) - SHOWN} more" if len(broken) > SHOWN else ""
    return (
        f"photos must be whole image files, but {len(broken)} of {count} {'is' if len(broken) == 1 else 'are'} not:\n"
        f"{lines}{more}\nReplace them, or leave them out with --skip-broken."
    )
