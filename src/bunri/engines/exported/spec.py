"""What an export says of itself: the JSON beside its networks."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bunri.engines.exported.detectors import REGION_NETWORKS, Count, Decoded, NetworkName, OneStage, Share, TwoStage
from bunri.engines.exported.pixel_rules import LARGEST_SIDE, Pixels
from bunri.settings import Settings
from bunri.tta import TTASettings

FORMAT: Literal[1] = 1
"""Of the JSON; another one is refused."""

Format = Literal["onnx", "openvino", "torchscript"]
"""What runs the networks: ONNX Runtime, OpenVINO or torch."""

SUFFIXES: Mapping[Format, str] = {"onnx": ".onnx", "openvino": ".xml", "torchscript": ".pt"}
"""Of a network's file by format; OpenVINO keeps the weights beside it in ``.bin``."""


class FileFacts(Settings):
    """A file of the export."""

    name: Annotated[str, Field(pattern=r"^[\w][\w.\- ]*$", max_length=200)]
    """In the folder of the JSON; no path."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """Of its content."""


class NetworkFacts(FileFacts):
    """A network of the export."""

    inputs: Annotated[tuple[str, ...], Field(min_length=1, max_length=64)]
    """Names of what it takes, in order."""
    outputs: Annotated[tuple[str, ...], Field(min_length=1, max_length=64)]
    """Names of what it gives, in order."""


class Quantized(Settings):
    """What 8-bit integers cost."""

    photos: Count
    """Training photos the ranges of values were measured on."""
    layers: dict[NetworkName, str]
    """By network: which layers were quantized."""
    mAP50: Share | None = None
    """On the run's held-out photos."""
    mAP50_float: Share | None = None
    """Of the same export before quantization, on the same photos."""


class Source(Settings):
    """Where an export comes from."""

    model: str
    """Name in the experiment."""
    engine: str
    """The framework."""
    fold: int | None = None
    """Left out while training."""
    seed: int = 0
    """Of the training."""
    checkpoint_sha256: str
    """Of the weights."""
    versions: dict[str, str] = {}
    """Packages that trained and exported it."""
    sha256: dict[str, str] = {}
    """Of the run's config and data, as its manifest has them."""
    commit: str | None = None
    """Of the project it was trained in; null where there was none."""
    dirty: bool | None = None
    """Whether files of the project differed from the commit."""


class ExportedNetworks(Settings):
    """What an engine makes of a trained model: networks, and how they are used."""

    networks: dict[NetworkName, NetworkFacts]
    """What is run."""
    pixels: Pixels
    """From a photo to the input."""
    detector: Annotated[OneStage | TwoStage | Decoded, Field(discriminator="kind")]
    """From the outputs to boxes."""

    @model_validator(mode="after")
    def _stages(self) -> Self:
        needed = {"network"}
        if self.detector.kind == "two_stage":
            needed |= set(REGION_NETWORKS[: 1 + len(self.detector.regions.refined_by)])
        if set(self.networks) != needed:
            raise ValueError(f"networks must be {sorted(needed)}, but are {sorted(self.networks)}")
        return self


class ExportSpec(ExportedNetworks):
    """All of an export but its weights."""

    kind: Literal["bunri-export"] = "bunri-export"
    """Tells it from other JSON."""
    format: Literal[1] = FORMAT
    """Of this file."""
    runtime: Format
    """What runs it."""
    precision: Literal["float32", "int8"] = "float32"
    """Of the layers that cost most."""
    weights: dict[NetworkName, FileFacts] = {}
    """OpenVINO's ``.bin`` of each network."""
    class_names: Annotated[tuple[str, ...], Field(min_length=1)]
    """In order."""
    category_ids: tuple[int, ...]
    """Of the classes, in COCO files."""
    tta: TTASettings = TTASettings()
    """Views a photo is predicted in."""
    score_floor: Annotated[float, Field(ge=0, lt=1)]
    """Boxes of smaller score are not given."""
    max_boxes: Count
    """Boxes of a photo, the best first."""
    source: Source
    """The run."""
    quantized: Quantized | None = None
    """With int8: of what, and at what cost."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if len(self.class_names) != len(self.category_ids):
            raise ValueError("every class must have a category id")
        if (self.runtime == "openvino") != bool(self.weights):
            raise ValueError("weights in files of their own go with openvino, and only with it")
        scale = max(view.scale for view in self.tta.views)
        sides = (*(self.pixels.fixed or (self.pixels.max_side,)), *(self.pixels.frame or ()))
        if scale * max(sides) > LARGEST_SIDE:
            raise ValueError(f"sides must be at most {LARGEST_SIDE} pixels, also in views at a larger scale")
        return self
