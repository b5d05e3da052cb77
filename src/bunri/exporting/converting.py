"""From ONNX to OpenVINO."""

from pathlib import Path

from bunri.engines.exported.detectors import NetworkName
from bunri.engines.exported.spec import ExportSpec, FileFacts, NetworkFacts
from bunri.exporting.naming import network_file, weights_file, with_hashes


def to_openvino(spec: ExportSpec, folder: Path) -> ExportSpec:
    """The same export for OpenVINO, in the same folder; weights stay float32."""
    import openvino

    networks: dict[NetworkName, NetworkFacts] = {}
    weights: dict[NetworkName, FileFacts] = {}
    for name, facts in spec.networks.items():
        path = folder / network_file("openvino", name)
        openvino.save_model(openvino.convert_model(folder / facts.name), path, compress_to_fp16=False)
        networks[name] = facts.model_copy(update={"name": path.name})
        weights[name] = FileFacts(name=weights_file(name), sha256=facts.sha256)
    changes = {"runtime": "openvino", "networks": networks, "weights": weights}
    return with_hashes(spec.model_copy(update=changes), folder)
