"""As fuzzing.py, but guided by coverage: what leads to new lines of bunri is kept and changed further (atheris).

    pip install 'bunri[fuzz]'
    PYTHONPATH=src:tests python benchmarks/guided_fuzzing.py [--seconds 60] [--readers coco,photo] [--keep DIR]

Each reader is hunted in a process of its own, begun with the tests' corpus and valid files. Its branches reached
(``cov`` of libFuzzer) and findings are printed; a finding is kept as a file, and so is what ends the process.
"""

import argparse
import random
import re
import signal
import subprocess
import sys
import warnings
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import atheris

ROOT = Path(__file__).parents[1]
CORPUS = ROOT / "tests" / "corpus"
MOST_BYTES = 100_000
MEMORY_MB = 2048
SECONDS_TO_BEGIN = 200
"""A process that takes so much longer than it should hangs in code that hears no alarm."""


def compiled_modules() -> list[str]:
    """Modules with loops that numba compiles, which it cannot when they count their branches."""
    source = ROOT / "src"
    found = [path for path in source.rglob("*.py") if "bunri.compiled" in path.read_text()]
    return [".".join(path.relative_to(source).with_suffix("").parts) for path in found]


with atheris.instrument_imports(include=["bunri"], exclude=compiled_modules()):
    from fuzzing import keep, outcome, too_slow

    from fuzz_mutations import mutated
    from fuzz_readers import READERS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each reader")
    parser.add_argument("--readers", default=",".join(READERS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path("findings"))
    parser.add_argument("--within", action="store_true", help="hunt in this process; it ends it")
    asked = parser.parse_args()
    if asked.within:
        hunt(asked.readers, asked)
    found = [hunt_apart(name, asked) for name in asked.readers.split(",")]
    sys.exit(any(found))


def hunt_apart(name: str, asked: argparse.Namespace) -> bool:
    """Hunt in a process of its own, and print how it went; whether something was found."""
    command = [sys.executable, __file__, "--within", "--readers", name, "--seconds", str(asked.seconds)]
    command += ["--seed", str(asked.seed), "--keep", str(asked.keep)]
    try:
        longest = 2 * asked.seconds + SECONDS_TO_BEGIN
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=longest)
    except subprocess.TimeoutExpired:
        print(f"{name}:\n  FINDING the process hung", flush=True)
        return True
    said = re.findall(r"cov: (\d+) ft: \d+ corp: (\d+)", done.stderr)
    files = (re.findall(r"Done (\d+) runs", done.stderr) or ["?"])[-1]
    first, last = (said[0][0], said[-1]) if said else ("0", ("0", "0"))
    peak = max([int(found) for found in re.findall(r"rss: (\d+)Mb", done.stderr)], default=0)
    how = f"{files} files, branches {first} -> {last[0]}, kept {last[1]}, {peak} MB"
    print(f"{name}: {how}", done.stdout.strip(), flush=True)
    if done.returncode:
        print(f"  FINDING the process ended with {done.returncode}:", *done.stderr.splitlines()[-20:], sep="\n  | ")
    return bool(done.returncode) or "FINDING" in done.stdout


def hunt(name: str, asked: argparse.Namespace) -> None:
    reader, findings, outcomes = READERS[name], dict[str, bytes](), Counter[str]()
    suffix = Path(reader.file).suffix
    warnings.simplefilter("error")
    signal.signal(signal.SIGALRM, too_slow)

    def look(content: bytes) -> None:
        how, words = outcome(reader, content)
        outcomes[how] += 1
        if how == "finding" and words not in findings:
            findings[words] = content
            keep(asked.keep / name, reader, findings)
            print(f"\n  FINDING {words}", end="")

    def change(content: bytes, most: int, seed: int) -> bytes:
        rng = random.Random(seed)
        if rng.random() < 0.5:
            return bytes(atheris.Mutate(content, most))
        return mutated(content, suffix, rng)[:most]

    with TemporaryDirectory() as folder:
        for row, content in enumerate([*reader.seeds(), *(path.read_bytes() for path in CORPUS.glob(f"{name}/*"))]):
            (Path(folder) / f"{row}{suffix}").write_bytes(content)
        asked.keep.mkdir(parents=True, exist_ok=True)
        options = {
            "max_total_time": asked.seconds,
            "rss_limit_mb": MEMORY_MB,
            "timeout": 20,
            "max_len": MOST_BYTES,
            "seed": asked.seed,
            "artifact_prefix": f"{asked.keep}/{name}-",
        }
        atheris.Setup(
            [sys.argv[0], *(f"-{key}={value}" for key, value in options.items()), folder], look, custom_mutator=change
        )
        # libFuzzer leaves by exit(), and nothing after it is run
        atheris.Fuzz()


if __name__ == "__main__":
    main()
