"""From a run to an export, step by step; nothing is at its place before all has succeeded."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bunri.dataset import Dataset
from bunri.engines.exported.files import spec_file_of
from bunri.engines.exported.model import ExportedModel, open_export
from bunri.engines.exported.networks import network_class
from bunri.engines.exported.spec import ExportSpec, Format, Quantized, Source
from bunri.engines.feeding import load_photos
from bunri.errors import UsageError
from bunri.exporting.calibrating import NetworkInputs, some_photos
from bunri.exporting.converting import to_openvino
from bunri.exporting.framework import FrameworkPart, export_networks, trained_job
from bunri.exporting.naming import Place, network_file, place_of, put, with_hashes
from bunri.exporting.proving import Alike, compare_with_framework, mAP50_of
from bunri.exporting.quantizing import quantized, quantizer_of
from bunri.files import sha256_of
from bunri.inference.models import runs_below
from bunri.run_folder import RunFolder

CHECKED_PHOTOS = 16
"""Held-out photos on which an export is compared with the framework."""


@dataclass(frozen=True)
class ExportOrder:
    """What is wanted.

    Attributes:
        runtime: The format.
        out: A folder, or the network's file.
        int8: Whether to quantize.
        photos: Training photos int8 is calibrated on.
        threads: CPU threads; None takes those this process may use.
    """

    runtime: Format
    out: Path
    int8: bool = False
    photos: int = 300
    threads: int | None = None


@dataclass(frozen=True)
class Exported:
    """An export that was written.

    Attributes:
        spec_file: Its JSON.
        spec: What the JSON says.
        alike: How it compared with the framework; None where the run held no photos out.
    """

    spec_file: Path
    spec: ExportSpec
    alike: Alike | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        names = [facts.name for facts in (*self.spec.networks.values(), *self.spec.weights.values())]
        alike = None if self.alike is None else vars(self.alike)
        int8 = None if self.spec.quantized is None else self.spec.quantized.model_dump()
        files = [str(self.spec_file.parent / name) for name in names]
        return {"export": str(self.spec_file), "files": files, "alike": alike, "int8": int8}


def export_run(path: Path, order: ExportOrder) -> Exported:
    """Export the best checkpoint of a run.

    Raises:
        UsageError: ``path`` has no run or several, or the format has no int8.
        ConfigError: The model cannot be exported exactly; the message says why and what to do.
        EngineError: The framework failed, or the export does not find what the framework finds.
    """
    run, place = one_run(path), place_of(order.out, order.runtime)
    network_class(order.runtime)  # what is missing is told before the work
    if order.int8:
        quantizer_of(order.runtime)
    with tempfile.TemporaryDirectory(prefix="bunri-export-") as name:
        return _export(run, order, place, Path(name))


def one_run(path: Path) -> RunFolder:
    """The only run of a folder.

    Raises:
        UsageError: There is none, or there are several; the message names them.
    """
    if spec_file_of(path) is not None and not path.is_dir():
        raise UsageError(f"{path} is an export already; give the folder of a run")
    runs = runs_below(path)
    if len(runs) > 1:
        names = ", ".join(str(run.path) for run in runs[:10])
        raise UsageError(f"an export is of one run, but {path} has {len(runs)}. Name one of {names}.")
    return runs[0]


def _export(run: RunFolder, order: ExportOrder, place: Place, folder: Path) -> Exported:
    held_out = _held_out(run)
    checked = None if held_out is None else held_out.subset(held_out.images.id[:CHECKED_PHOTOS])
    part = export_networks(run, folder, "torchscript" if order.runtime == "torchscript" else "onnx", checked)
    spec = _first_spec(run, part, folder)
    spec = to_openvino(spec, folder) if order.runtime == "openvino" else spec
    model = _opened(spec, folder, order)
    alike = None
    if checked is not None and part.seen is not None:
        alike = compare_with_framework(model, checked, part.seen)
    if order.int8:
        spec, folder = _int8(model, folder, run, held_out, order), folder / "int8"
    return Exported(place.spec_file, put(spec, folder, place), alike)


def _held_out(run: RunFolder) -> Dataset | None:
    val = trained_job(run).val
    return None if val is None else load_photos(val)


def _first_spec(run: RunFolder, part: FrameworkPart, folder: Path) -> ExportSpec:
    """The export as the framework wrote it, under the names of an export's files."""
    manifest = run.read_manifest("model", "engine", "class_names", "category_ids")
    job = trained_job(run)
    runtime: Format = "torchscript" if (folder / "network.pt").exists() else "onnx"
    networks = {}
    for name, facts in part.networks.networks.items():
        networks[name] = facts.model_copy(update={"name": network_file(runtime, name)})
        (folder / facts.name).rename(folder / networks[name].name)
    source = Source(
        model=manifest["model"],
        engine=manifest["engine"],
        fold=manifest.get("fold"),
        seed=manifest.get("seed", 0),
        checkpoint_sha256=sha256_of(run.checkpoint_file("best")),
        versions=dict(part.versions),
        sha256=manifest.get("sha256", {}),
        **(manifest.get("git") or {}),
    )
    spec = ExportSpec(
        networks=networks,
        pixels=part.networks.pixels,
        detector=part.networks.detector,
        runtime=runtime,
        class_names=manifest["class_names"],
        category_ids=manifest["category_ids"],
        tta=job.recipe.tta,
        score_floor=job.recipe.score_floor,
        max_boxes=job.recipe.max_boxes,
        source=source,
    )
    return with_hashes(spec, folder)


def _opened(spec: ExportSpec, folder: Path, order: ExportOrder) -> ExportedModel:
    """The export opened from its files as a user will open it, all checks included."""
    spec = put(spec, folder, Place(folder / "whole", "model"))
    return open_export(folder / "whole", order.threads)


def _int8(
    model: ExportedModel, folder: Path, run: RunFolder, held_out: Dataset | None, order: ExportOrder
) -> ExportSpec:
    train = trained_job(run).train
    if train is None:
        raise UsageError(f"int8 is calibrated on training photos, but {run.job_file} names none")
    photos = some_photos(load_photos(train), order.photos)
    inputs = {name: NetworkInputs(model, name, photos) for name in model.networks}
    spec, layers = quantized(model, folder / "whole", folder / "int8", inputs)
    facts = Quantized(photos=len(photos), layers=layers)
    smaller = _opened(spec, folder / "int8", order)
    if held_out is not None:
        scores = {"mAP50": mAP50_of(smaller, held_out), "mAP50_float": mAP50_of(model, held_out)}
        facts = facts.model_copy(update=scores)
    return spec.model_copy(update={"quantized": facts})
