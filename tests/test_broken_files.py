"""Broken files, kept from hunts with benchmarks/fuzzing.py and made anew: an error of ours, or a right result."""

import random
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bunri.errors import BunriError, DataError, EngineError, UsageError
from fuzz_mutations import mutated
from fuzz_readers import READERS

CORPUS = Path(__file__).parent / "corpus"
FILES = sorted(CORPUS.glob("*/*"))
LEFT_OUT = {"run_metrics", "run_search", "run_experiment", "run_verdicts", "run_gain"}
"""Files of an experiment that a report can do without: it says in their place what is wrong with them."""

READ = {"coco/31.json", "parquet/31.parquet", "parquet/32.parquet", "run_metrics/00.jsonl", "run_search/00.json"}
"""Files that once broke a reader, and are right or can be done without."""

NO_FILE = (
    "image id",
    "an event must be",
    "of a fitted model must",
    "a learned fusion must",
    "calibrat",
    "failed on a photo",
    "the network must",
)
"""Words of errors that name another thing than a file: an image, a line of a worker, a part of a recipe, a network."""


def name_of(path: Path) -> str:
    return path.relative_to(CORPUS).as_posix()


def test_the_corpus_is_whole() -> None:
    assert len(FILES) >= 200
    assert {path.parent.name for path in FILES} >= set(READERS) - {"doctor", *LEFT_OUT}
    assert max(path.stat().st_size for path in FILES) < 10_000


@pytest.mark.parametrize("path", [path for path in FILES if name_of(path) not in READ], ids=name_of)
def test_a_broken_file_is_refused_with_what_is_wrong(path: Path, tmp_path: Path) -> None:
    with pytest.raises(BunriError) as caught:
        READERS[path.parent.name].read_content(path.read_bytes(), tmp_path)
    message = str(caught.value)
    assert caught.value.exit_code in (2, 3) or "failed on a photo" in message
    assert any(place in message for place in (str(tmp_path), *NO_FILE))
    assert len(message.replace(str(tmp_path), "")) > 30


@pytest.mark.parametrize("name", sorted(READ))
def test_what_is_right_is_read(name: str, tmp_path: Path) -> None:
    reader = READERS[name.partition("/")[0]]
    assert reader.read_content((CORPUS / name).read_bytes(), tmp_path) is not None


@pytest.mark.parametrize("name", READERS)
def test_the_seeds_of_the_hunt_are_read(name: str, tmp_path: Path) -> None:
    for row, content in enumerate(READERS[name].seeds()):
        assert READERS[name].read_content(content, tmp_path / str(row)) is not None


@pytest.mark.parametrize("name", [name for name, reader in READERS.items() if not reader.is_slow])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_files_made_wrong_are_refused_or_read(name: str, seed: int, tmp_path: Path) -> None:
    reader, rng = READERS[name], random.Random(seed)
    content = mutated(rng.choice(reader.seeds()), Path(reader.file).suffix, rng)
    with suppress(DataError, UsageError, EngineError):  # what any other exception would be is a failure
        assert reader.read_content(content, tmp_path) is not None
