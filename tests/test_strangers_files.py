"""Files of a stranger run none of their code, swell to no memory, and lead out of no folder."""

import ast
import gzip
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import torch
import yaml

from builders import make_dataset, make_predictions
from bunri.config import load_experiment
from bunri.dataset import Dataset
from bunri.doctor import examine
from bunri.engines.exported.checking import check_network
from bunri.engines.tensor_files import read_tensors
from bunri.engines.torchvision.config import resolve as resolve_torchvision
from bunri.errors import BunriError, DataError
from bunri.hypotheses.loading import load_hypotheses
from bunri.inference.drawing import draw_predictions
from bunri.inference.photo_sets import Files, PhotoSet
from bunri.io import load_dataset, read_predictions, write_coco
from bunri.io.yolo import read_yolo, write_yolo, write_yolo_predictions
from bunri.serve.sorting_rules import read_rules
from bunri.settings import parse_yaml
from bunri.shards import leaves_folder
from io_builders import three_images, write_photo

SOURCE = Path(__file__).parents[1] / "src" / "bunri"

LEAVING = (
    "../../etc/passwd",
    "/etc/passwd",
    "a/../../b.jpg",
    "..\\..\\secret.jpg",
    "C:\\Windows\\win.ini",
    "C:secret.jpg",
    "\\\\server\\share\\a.jpg",
    "a\0b.jpg",
    "",
    ".",
)
"""File names that lead out of a folder here or elsewhere, or are none."""


class Touch:
    """A pickle of it makes a file where it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return Path.touch, (self.path,)


@pytest.fixture
def mark(tmp_path: Path) -> Iterator[Path]:
    """A file that must not be there in the end."""
    path = tmp_path / "mark"
    yield path
    assert not path.exists()


def test_the_pickle_of_these_tests_does_run_where_pickles_are_read(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Touch(tmp_path / "ran")))
    assert (tmp_path / "ran").exists()


YAML_READERS: dict[str, Callable[[Path], object]] = {
    "an experiment": load_experiment,
    "hypotheses": load_hypotheses,
    "rules of sorting": read_rules,
    "a torchvision config": lambda path: resolve_torchvision(path, {}),
    "YOLO's data.yaml": read_yolo,
    "a value on the command line": lambda path: parse_yaml(path.read_text()),
}


@pytest.mark.parametrize("reader", YAML_READERS)
@pytest.mark.parametrize("tag", ["object/apply", "object/new"])
def test_yaml_constructs_no_object(reader: str, tag: str, tmp_path: Path, mark: Path) -> None:
    text = f"x: !!python/{tag}:pathlib.Path.touch [!!python/object/apply:pathlib.Path [{str(mark)!r}]]\n"
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises((BunriError, yaml.YAMLError)) as caught:
        YAML_READERS[reader](tmp_path / "a.yaml")
    assert "could not determine a constructor" in str(caught.value)


@pytest.mark.parametrize("how", ["alone", "in torch's archive", "in torch's former format"])
def test_a_checkpoint_runs_nothing(how: str, tmp_path: Path, mark: Path) -> None:
    path, content = tmp_path / "c.pt", {"model": {}, "x": Touch(mark)}
    if how == "alone":
        path.write_bytes(pickle.dumps(content, protocol=2))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=how.endswith("archive"))
    with pytest.raises(DataError, match="tensors and plain values only"):
        read_tensors(path, "the checkpoint")


def test_a_checkpoint_that_would_swell_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    torch.save({"w": torch.zeros(4)}, path)
    packed = bomb_of(path, tmp_path / "bomb.pt", "c/data/0")
    assert packed.stat().st_size < 100_000
    with pytest.raises(DataError, match=r"its parts claim 6400.* bytes, more than the file has"):
        read_tensors(packed, "the checkpoint")


def bomb_of(archive: Path, target: Path, swollen: str) -> Path:
    """An archive whose part ``swollen`` is 64 MB of zeros, packed."""
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, bytes(64_000_000) if name == swollen else old.read(name))
    return target


def test_an_exported_program_that_would_swell_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("m/code/__torch__.py", "def forward(self, x):\n  return torch.relu(x)\n")
        archive.writestr("m/constants/0", bytes(128_000_000))
    with pytest.raises(DataError, match="would be far larger unpacked"):
        check_network(path, "torchscript", None)


def test_names_in_an_archive_are_written_nowhere(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    torch.save({"w": torch.zeros(4)}, inner / "c.pt")
    with zipfile.ZipFile(inner / "c.pt", "a") as archive:
        archive.writestr("../../slipped", b"out")
        archive.writestr("/slipped", b"out")
    before = sorted(tmp_path.rglob("*"))
    with suppress(DataError):
        read_tensors(inner / "c.pt", "the checkpoint")
    assert sorted(tmp_path.rglob("*")) == before
    assert not Path("/slipped").exists()


def test_safetensors_that_claim_more_than_they_have_are_refused(tmp_path: Path) -> None:
    header = b'{"w":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4000000000000]}}'
    (tmp_path / "w.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    with pytest.raises(DataError, match="tensors and plain values only, and be whole"):
        read_tensors(tmp_path / "w.safetensors", "the weights")


def test_a_type_of_arrow_that_is_a_pickle_is_not_run(tmp_path: Path, mark: Path) -> None:
    """Old versions of pyarrow made the type of a column from a pickle in the file (CVE-2023-47248)."""
    evil = {"ARROW:extension:name": "arrow.py_extension_type", "ARROW:extension:metadata": pickle.dumps(Touch(mark))}
    columns = {name: pa.array([1.0]) for name in ("score", "x_min", "y_min", "x_max", "y_max")}
    table = pa.table({"image_id": pa.array([1]), "class_index": pa.array([0]), **columns})
    row = table.schema.get_field_index("score")
    field = table.schema.field(row).with_metadata(evil)
    pyarrow.parquet.write_table(table.cast(table.schema.set(row, field)), tmp_path / "p.parquet")
    with suppress(DataError):
        assert len(read_predictions(tmp_path / "p.parquet", three_images())) == 1


def test_a_table_that_would_swell_is_refused_unread(tmp_path: Path) -> None:
    rows = 3_000_000  # all alike, they take a few hundred bytes
    columns = {name: pa.array(np.zeros(rows)) for name in ("score", "x_min", "y_min", "x_max", "y_max")}
    ids = pa.array(np.zeros(rows, np.int64))
    pyarrow.parquet.write_table(pa.table({"image_id": ids, "class_index": ids, **columns}), tmp_path / "p.parquet")
    with pytest.raises(DataError, match="claims 3000000 rows in"):
        read_predictions(tmp_path / "p.parquet", three_images())


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_a_packed_submission_is_refused_unread(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    content = b"PredictionString,image_id\n" + b"0 0.9 1 1 9 9," + b"0" * 50_000_000
    (tmp_path / "p.csv").write_bytes(pack(content))
    with pytest.raises(DataError, match=r"but it is packed\. Unpack it first"):
        read_predictions(tmp_path / "p.csv", three_images())


@pytest.mark.parametrize("name", LEAVING)
def test_a_name_leaves_its_folder_on_any_system(name: str) -> None:
    assert leaves_folder(name)


@pytest.mark.parametrize("name", ["a.jpg", "a/b.jpg", "a..b.jpg", "...jpg", "분리 1:2.jpg", "a\\b.jpg", "./a.jpg"])
def test_other_names_stay(name: str) -> None:
    assert not leaves_folder(name)


def named(name: str, folder: Path) -> Dataset:
    """One photo of a name, and beside its folder one that it may lead to."""
    write_photo(folder / "photos" / "real.jpg")
    dataset = make_dataset([(1, 0, (1.0, 1.0, 30.0, 30.0))], (1,), width=64, height=48, image_folder=folder / "photos")
    return replace(dataset, images=replace(dataset.images, file_name=(name,)))


@pytest.mark.parametrize("name", LEAVING)
def test_coco_names_are_not_followed_out_of_the_folder(name: str, tmp_path: Path) -> None:
    write_coco(named(name, tmp_path), tmp_path / "coco.json")
    with pytest.raises(DataError, match=r"file names must stay in|must be a text that is not empty"):
        load_dataset(tmp_path / "coco.json", tmp_path / "photos").path_of(0)
    if name:
        kinds = {finding.kind for finding in examine(tmp_path / "coco.json", tmp_path / "photos").findings}
        assert "file_outside_folder" in kinds


@pytest.mark.parametrize("name", LEAVING)
def test_names_write_nothing_outside_of_the_folder_that_was_asked_for(name: str, tmp_path: Path) -> None:
    dataset, out = named(name, tmp_path), tmp_path / "deep" / "out"
    predictions = make_predictions([(1, 0, 0.9, (1.0, 1.0, 30.0, 30.0))], seen=(1,))
    before = sorted(tmp_path.rglob("*"))
    for write in (
        lambda: write_yolo(dataset, out),
        lambda: write_yolo_predictions(predictions, out, dataset),
        lambda: draw_predictions(predictions, PhotoSet(dataset, (Files((tmp_path / "photos" / "real.jpg",)),)), out),
    ):
        with pytest.raises(DataError, match="file names must stay in"):
            write()
    assert [path for path in sorted(tmp_path.rglob("*")) if path not in before and path.is_file()] == []


@pytest.mark.parametrize("line", ["../secret.png", "{outside}/secret.png"])
def test_lists_of_yolo_name_photos_below_their_folder(line: str, tmp_path: Path) -> None:
    write_photo(tmp_path / "outside" / "secret.png")
    write_photo(tmp_path / "secret.png")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.txt").write_text(line.format(outside=tmp_path / "outside") + "\n")
    (tmp_path / "data" / "data.yaml").write_text("path: .\ntrain: train.txt\nnames: [Can]\n")
    with pytest.raises(DataError, match="photos must lie below"):
        read_yolo(tmp_path / "data" / "data.yaml")


def test_a_submission_names_images_and_no_files(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("PredictionString,image_id\n0 0.9 1 1 9 9,../../etc/passwd\n")
    with pytest.raises(DataError, match="passwd"):
        read_predictions(tmp_path / "p.csv", three_images())


RUNS_CODE = {"eval", "exec", "compile", "unsafe_load", "full_load", "unpack_archive", "extractall", "extract", "system"}
RUNS_CODE |= {"loads_pickle", "Unpickler", "popen"}

ALLOWED = {
    "engines/detectron2/config.py: unsafe_load",  # a resolved LazyConfig: its source was trusted before it was resolved
    "engines/detectron2/weights.py: Unpickler",  # as the base of one that knows arrays only
}


def _runs_code(node: ast.AST, owner: str, name: str) -> bool:
    """Whether it is a call that takes something; the ``eval()`` of a network and ``re.compile`` run nothing."""
    takes_something = bool(getattr(node, "args", True))
    return name in RUNS_CODE and takes_something and owner != "re"


def calls_in(path: Path) -> Iterator[str]:
    """Names of what a module calls or is based on."""
    for node in ast.walk(ast.parse(path.read_text())):
        called = [node.func] if isinstance(node, ast.Call) else node.bases if isinstance(node, ast.ClassDef) else []
        for function in called:
            owner = getattr(getattr(function, "value", None), "id", "")
            name = getattr(function, "attr", getattr(function, "id", ""))
            arguments = {keyword.arg: ast.unparse(keyword.value) for keyword in getattr(node, "keywords", [])}
            if owner == "pickle" and name in ("load", "loads"):
                yield "loads_pickle"
            elif (owner, name) == ("torch", "load") and arguments.get("weights_only") != "True":
                yield "torch.load"
            elif "True" in (arguments.get("shell"), arguments.get("allow_pickle")) or _runs_code(node, owner, name):
                yield name


def test_nothing_else_in_the_source_runs_what_it_reads() -> None:
    found = {f"{path.relative_to(SOURCE)}: {name}" for path in SOURCE.rglob("*.py") for name in calls_in(path)}
    assert found == ALLOWED


def test_the_look_at_the_source_sees_such_calls(tmp_path: Path) -> None:
    code = (
        "pickle.load(f)\neval(x)\ntorch.load(p)\nrun(c, shell=True)\nyaml.unsafe_load(t)\nz.extractall(d)\nm.eval()\n"
    )
    (tmp_path / "a.py").write_text(code)
    assert sorted(calls_in(tmp_path / "a.py")) == [
        "eval",
        "extractall",
        "loads_pickle",
        "run",
        "torch.load",
        "unsafe_load",
    ]
