"""Feed broken files to every reader: each must be refused with an error of ours, or read right.

    PYTHONPATH=src:tests python benchmarks/fuzzing.py [--seconds 60] [--readers coco,photo] [--seed 0] [--keep DIR]
    PYTHONPATH=src:tests:tests/engines .engines/all/bin/python benchmarks/fuzzing.py --module fuzz_config_readers

Another exception, more than ten seconds for one file, or more than 2 GB of memory is a finding; its file is kept. With
--corpus DIR it also keeps a small file for every different thing that was said, as the tests' corpus has them.
"""

import argparse
import random
import re
import resource
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

from bunri.errors import BunriError
from fuzz_mutations import mutated
from fuzz_reader import Reader

SECONDS_PER_FILE = 10
GIB = 1 << 30
LARGEST = 4_000
"""Bytes of a file that the corpus may have."""


class TooSlow(Exception):  # noqa: N818
    pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="for each reader")
    parser.add_argument("--readers", help="by name; all by default")
    parser.add_argument("--module", default="fuzz_readers", help="or fuzz_config_readers, of native configs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("findings"))
    parser.add_argument("--corpus", type=Path)
    asked = parser.parse_args()
    readers = import_module(asked.module).READERS
    warnings.simplefilter("error" if asked.module == "fuzz_readers" else "ignore")  # frameworks warn of themselves
    signal.signal(signal.SIGALRM, too_slow)
    found = 0
    for name in asked.readers.split(",") if asked.readers else readers:
        found += fuzz(name, readers[name], asked)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20):.2f} GiB, findings {found}")
    sys.exit(bool(found))


def too_slow(number: int, frame: FrameType | None) -> None:
    raise TooSlow


def fuzz(name: str, reader: Reader, asked: argparse.Namespace) -> int:
    rng = random.Random(f"{name}{asked.seed}")
    outcomes: Counter[str] = Counter()
    said: dict[str, bytes] = {}
    findings: dict[str, bytes] = {}
    for content in reader.seeds():  # a framework loads for longer than any file may take
        with TemporaryDirectory() as folder, suppress(BunriError):
            reader.read_content(content, Path(folder))
    end = time.monotonic() + asked.seconds
    while time.monotonic() < end:
        content = mutated(rng.choice(reader.seeds()), Path(reader.file).suffix, rng)
        end_of, words = outcome(reader, content)
        outcomes[end_of] += 1
        kept, largest = (findings, 1 << 30) if end_of == "finding" else (said, LARGEST)
        if len(content) <= (len(kept[words]) if words in kept else largest):
            kept[words] = content
    print(f"{name}: {sum(outcomes.values())} files, {dict(outcomes)}, {len(said)} different answers")
    keep(asked.keep / name, reader, findings)
    for words in findings:
        print(f"  FINDING {words}")
    if asked.corpus is not None:
        keep(asked.corpus / name, reader, {words: said[words] for words in said if words != "read"})
    return len(findings)


def outcome(reader: Reader, content: bytes) -> tuple[str, str]:
    """How reading a content ends, ``read``, ``refused`` or ``finding``, and in which words."""
    with TemporaryDirectory() as folder:
        signal.alarm(SECONDS_PER_FILE)
        try:
            reader.read_content(content, Path(folder))
        except BunriError as error:
            words = str(error).replace(folder, "")
            return ("refused", _kind(words)) if len(words) > 20 else ("finding", f"too short: {words}")
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a panic of a library in Rust is no Exception
            where = traceback.extract_tb(error.__traceback__)
            ours = [step for step in where if "bunri" in step.filename]
            return "finding", f"{type(error).__name__}: {_kind(str(error))} at {ours[-1].filename}:{ours[-1].lineno}"
        finally:
            signal.alarm(0)
    return "read", "read"


def _kind(words: str) -> str:
    """An answer without its numbers and quoted values, so that different answers can be counted."""
    return re.sub(r"\d+(\.\d+)?|'[^']*'", "#", words)[:120]


def keep(folder: Path, reader: Reader, contents: dict[str, bytes]) -> None:
    for row, content in enumerate(contents.values()):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{row:03d}{Path(reader.file).suffix}").write_bytes(content)


if __name__ == "__main__":
    main()
