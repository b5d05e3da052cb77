"""Configs of Detectron2's model zoo, by name."""

from pathlib import Path

from bunri.errors import ConfigError
from bunri.files import is_file
from bunri.settings import nearest


def zoo_folder() -> Path:
    """The folder of the zoo's configs, found without importing the zoo, which needs ``pkg_resources``."""
    import detectron2

    return Path(detectron2.__file__).parent / "model_zoo" / "configs"


def zoo_file(name: str) -> Path | None:
    """The zoo's config of a name such as ``COCO-Detection/faster_rcnn_R_50_FPN_1x.yaml``, None where it has none."""
    path = zoo_folder() / name
    return path if is_file(path) else None


def config_file(path: Path) -> Path:
    """A config's file, or where there is none the zoo's of that name.

    Raises:
        ConfigError: Neither is there; the message names the nearest config of the zoo.
    """
    if path.is_file():
        return path
    found = [zoo_file("/".join(path.parts[-length:])) for length in (2, 1)]
    for candidate in found:
        if candidate is not None:
            return candidate
    raise ConfigError(
        f"the model config must be a file, or named as in Detectron2's model zoo, but {path} is neither"
        f"{nearest('/'.join(path.parts[-2:]), zoo_names())}"
    )


def zoo_names() -> list[str]:
    """Names of all configs of the zoo that are a model each."""
    folder = zoo_folder()
    names = [str(path.relative_to(folder)) for suffix in ("yaml", "py") for path in folder.rglob(f"*.{suffix}")]
    return sorted(name for name in names if not name.startswith("common/"))
