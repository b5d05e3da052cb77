"""The verb that takes a model out of its framework: export."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bunri.cli.output import print_json, print_text, say

if TYPE_CHECKING:
    from bunri.engines.exported.spec import Quantized
    from bunri.exporting import Exported


def export(
    run: Annotated[Path, typer.Argument(help="Folder of one trained run, such as runs/trash/fcos/fold0.")],
    out: Annotated[Path, typer.Option(help="A folder, or the file of the network (.onnx, .xml, .pt).")],
    format_: Annotated[Literal["onnx", "openvino", "torchscript"], typer.Option("--format", help="What runs it.")],
    int8: Annotated[bool, typer.Option("--int8", help="Quantize to 8 bits; says what it costs.")] = False,
    photos: Annotated[int, typer.Option(min=1, help="Training photos int8 is calibrated on.")] = 300,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; by default all.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write a trained model for ONNX Runtime, OpenVINO or TorchScript; `bunri predict` runs it."""
    from bunri.exporting import ExportOrder, export_run

    done = export_run(run, ExportOrder(format_, out, int8, photos, threads))
    print_json(done.to_dict()) if as_json else _tell(done)


def _tell(done: "Exported") -> None:
    facts = done.to_dict()
    print_text("\n".join([*facts["files"], facts["export"]]))
    if done.alike is None:
        say("not compared with the framework: the run held no photos out")
    else:
        say(f"on {done.alike.photos} held-out photos it finds {done.alike.found} of {done.alike.boxes} boxes again")
    if done.spec.quantized is not None:
        say(_cost(done.spec.quantized))


def _cost(int8: "Quantized") -> str:
    layers = "; ".join(f"{name}: {words}" for name, words in int8.layers.items())
    said = f"int8, calibrated on {int8.photos} training photos ({layers})"
    if int8.mAP50 is None or int8.mAP50_float is None:
        return f"{said}; what it costs is unknown: no held-out photo has a box"
    loss = int8.mAP50_float - int8.mAP50
    return f"{said}; mAP50 on the held-out photos {int8.mAP50:.4f}, in float32 {int8.mAP50_float:.4f}: {loss:+.4f} lost"


COMMANDS: tuple[Callable[..., None], ...] = (export,)
"""Functions whose names are the verbs."""
