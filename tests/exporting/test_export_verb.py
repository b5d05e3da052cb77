import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bunri.cli import build_app
from bunri.engines.exported.files import read_spec
from bunri.errors import BunriError, OutputError, UsageError
from bunri.exporting import ExportOrder, export_run
from bunri.exporting.calibrating import some_photos
from bunri.exporting.naming import place_of
from bunri.exporting.proving import compare_with_framework
from bunri.files import write_bytes
from bunri.io import load_dataset, read_predictions
from bunri.run_folder import RunFolder
from engine_jobs import follow
from small_disks import mounted
from torchvision_jobs import make_job


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A detector that has learned for a few steps, as `bunri run` leaves it."""
    folder = tmp_path_factory.mktemp("run")
    job = make_job(folder, {"tta": {"views": [{}, {"turn": "hflip"}]}, "max_boxes": 20})
    assert follow(job).ended.status == "done"
    write_bytes(job.folder.native_config_file(job.config.name), job.config.read_bytes())
    facts = {"status": "done", "model": "tiny", "engine": "torchvision", "fold": 0, "seed": 0}
    job.folder.update_manifest(facts | {"class_names": ["square", "bar"], "category_ids": [1, 2]})
    return job.folder


def bunri(*arguments: object) -> Any:
    done = CliRunner().invoke(build_app(), [str(argument) for argument in arguments])
    if isinstance(done.exception, BunriError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def photos_of(run: RunFolder) -> Path:
    return run.path.parent / "data" / "data.json"


def test_an_export_predicts_by_the_same_command_what_the_run_predicts(run: RunFolder, tmp_path: Path) -> None:
    told = bunri("export", run.path, "--format", "onnx", "--out", tmp_path / "tiny.onnx", "--json")
    assert told["export"] == str(tmp_path / "tiny.json")
    assert told["files"] == [str(tmp_path / "tiny.onnx")]
    assert told["alike"]["found"] >= 0.95 * told["alike"]["boxes"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny.json", "tiny.onnx"]
    facts = bunri("predict", tmp_path / "tiny.onnx", photos_of(run), "--out", tmp_path / "p.parquet", "--json")
    dataset = load_dataset(photos_of(run))
    found = read_predictions(tmp_path / "p.parquet", dataset)
    assert facts["boxes"] == len(found) > 0
    own = read_predictions(run.predictions_file("val"), dataset)
    alike = compare_with_framework_of(tmp_path / "tiny.onnx", run)
    assert alike.found == alike.boxes
    assert len(found) == pytest.approx(len(own), rel=0.02)


def compare_with_framework_of(export: Path, run: RunFolder) -> Any:
    from bunri.engines.exported.model import open_export

    dataset = load_dataset(photos_of(run))
    own = read_predictions(run.predictions_file("val"), dataset)
    return compare_with_framework(open_export(export), dataset, own)


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_int8_says_what_it_quantized_and_what_it_costs(
    run: RunFolder, tmp_path: Path, runtime: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    done = export_run(run.path, ExportOrder(runtime, tmp_path / "out", int8=True, photos=4, threads=1))
    assert capsys.readouterr().out == ""  # stdout is the JSON's
    spec = read_spec(done.spec_file)
    assert spec == done.spec
    assert (spec.precision, spec.runtime) == ("int8", runtime)
    assert spec.quantized is not None
    assert spec.quantized.photos == 4
    count, of, all_, kind = spec.quantized.layers["network"].split(",")[0].split()
    assert (of, kind) == ("of", "Conv" if runtime == "onnx" else "Convolution")
    assert int(count) >= 0.8 * int(all_) > 0
    assert spec.quantized.mAP50 is not None
    assert spec.quantized.mAP50_float is not None
    assert spec.source.checkpoint_sha256
    assert spec.source.versions["torch"]
    assert bunri("predict", tmp_path / "out", photos_of(run), "--out", tmp_path / "p.csv", "--json")["photos"] == 8


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (ExportOrder("torchscript", Path("out"), int8=True), "--int8 goes with onnx or openvino"),
        (ExportOrder("onnx", Path("model.xml")), "must be a folder or end in .onnx"),
    ],
)
def test_what_cannot_be_is_refused_before_the_work(run: RunFolder, order: ExportOrder, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        export_run(run.path, order)
    assert message in str(caught.value)


def test_a_folder_of_two_runs_is_refused_by_their_names(run: RunFolder, tmp_path: Path) -> None:
    for fold in (0, 1):
        RunFolder(tmp_path / f"fold{fold}").update_manifest({"status": "done"})
    with pytest.raises(UsageError, match=r"has 2\. Name one of .*fold0, .*fold1"):
        export_run(tmp_path, ExportOrder("onnx", tmp_path / "out"))


def test_json_that_is_no_exports_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "photos.json").write_text('{"images": []}')
    with pytest.raises(UsageError, match="no export's; choose another --out"):
        place_of(tmp_path / "photos.onnx", "onnx")
    assert place_of(tmp_path / "other.onnx", "onnx").spec_file == tmp_path / "other.json"
    assert place_of(tmp_path, "onnx").spec_file == tmp_path / "model.json"


def test_photos_to_calibrate_on_are_drawn_without_replacement(run: RunFolder) -> None:
    photos = load_dataset(photos_of(run))
    drawn = some_photos(photos, 5)
    assert len(set(drawn.images.id.tolist())) == 5
    assert len(some_photos(photos, 500)) == len(photos)


def test_an_export_onto_a_full_disk_leaves_the_old_one(run: RunFolder, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "64m") as disk:
        words = ("export", run.path, "--format", "onnx", "--out", disk.folder / "tiny.onnx", "--json")
        bunri(*words)
        whole = disk.content()
        disk.fill(pages_left=4)
        with pytest.raises(OutputError, match=r"disk/tiny\.onnx must be writable, but: No space left on device"):
            bunri(*words)
        assert disk.content() == whole
