"""The native config: an MMEngine config file with what it is based on, and overrides merged in MMEngine's own way."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from bunri.engines.base import ResolvedConfig
from bunri.engines.mmdetection import framework, keys, lengths, loaders, ops, overriding, variables
from bunri.engines.mmdetection.text import as_text
from bunri.errors import ConfigError
from bunri.settings import all_mistakes

SUFFIX = ".py"


@dataclass(frozen=True)
class NativeConfig:
    """A config read from a file.

    Attributes:
        values: All of it, plain.
        own_files: The file and those of its bases that do not come with MMDetection.
    """

    values: dict[str, Any]
    own_files: tuple[Path, ...]


def resolve(path: Path, overrides: Mapping[str, Any]) -> ResolvedConfig:
    """The config of a file before and after overrides, checked key by key; every mistake is told at once.

    Raises:
        ConfigError: The file cannot be read, has keys that are unknown or change nothing, or its model cannot be built
            or run here.
    """
    native = read(path)
    mistakes = variables.unused(native.own_files)
    after, wrong = overriding.apply(native.values, overrides)
    mistakes += wrong or _mistakes(after)
    if mistakes:
        raise all_mistakes(str(path), mistakes)
    return ResolvedConfig(as_text(native.values), as_text(after), SUFFIX)


def _mistakes(values: Mapping[str, Any]) -> list[str]:
    """What is wrong with a whole config; the model is built only where its keys are right."""
    from bunri.engines.mmdetection import model

    found = keys.unknown_keys(values) + model.unfit(values) + missing_ops(values)
    found += loaders.mistakes(values) + lengths.mistakes(values)
    return found or [*model.transforms_cannot_be_built(values), *model.cannot_be_built(values)]


def missing_ops(values: Mapping[str, Any]) -> list[str]:
    """One sentence for each place of the model that needs a compiled operator which is not there."""
    if ops.compiled():
        return []
    return [
        f"{key}: needs MMCV's compiled operator {op}, but MMCV was installed without. Build mmcv with its operators "
        "(MMCV_WITH_OPS=1, --no-build-isolation), or choose another model"
        for key, op in ops.needed_ops(values.get("model", {}), "model")
    ]


def read(path: Path) -> NativeConfig:
    """Read a config file and its bases.

    Raises:
        ConfigError: It is absent or broken, or a base is.
    """
    framework.load()
    from mmengine.config import Config

    if not path.is_file():
        raise ConfigError(f"the model config must be a file, but {path} is not there. Check the path.")
    files = [path.resolve()]
    try:
        with _bases_found(files):
            values = Config.fromfile(str(path), format_python_code=False).to_dict()
    except Exception as error:  # a config is a program: anything can go wrong in it
        reason = f"{type(error).__name__}: {error}"
        raise ConfigError(f"the model config {path} must be an MMEngine config, but: {reason}") from error
    modules = [key for key, value in values.items() if isinstance(value, ModuleType)]
    if modules:
        raise ConfigError(f"the model config {path} must hold values, but {modules[0]} is a module: it is a program")
    shipped = framework.shipped_configs()
    return NativeConfig(values, tuple(file for file in files if not file.is_relative_to(shipped)))


@contextmanager
def _bases_found(files: list[Path]) -> Iterator[None]:
    """Bases are looked for beside the file, then among the shipped configs; those found are added to ``files``."""
    from mmengine.config import Config

    original = Config.__dict__["_get_cfg_path"]

    def find(cfg_path: str, filename: str) -> tuple[str, str | None]:
        found = _base_path(cfg_path, Path(filename))
        scope = None
        if found is None:
            place, scope = original.__func__(cfg_path, filename)
            found = Path(place)
        files.append(found)
        return str(found), scope

    Config._get_cfg_path = staticmethod(find)
    try:
        yield
    finally:
        Config._get_cfg_path = original


def _base_path(name: str, file: Path) -> Path | None:
    """The file of a base, or None where MMEngine itself must know (another project's configs)."""
    project, _, inside = name.rpartition("::")
    if project not in ("", "mmdet"):
        return None
    beside = (file.parent / name).resolve()
    if not project and beside.is_file():
        return beside
    parts = [part for part in Path(inside).parts if part not in ("..", ".")]
    shipped = framework.shipped_configs().joinpath(*parts)
    if shipped.is_file():
        return shipped.resolve()
    raise ConfigError(
        f"_base_: {name!r} must be a file beside {file.name} or one of the configs that come with MMDetection, but "
        f"there is neither {beside} nor {shipped}"
    )


def from_text(text: str) -> dict[str, Any]:
    """A resolved config back from its text."""
    from mmengine.config import Config

    return dict(Config.fromstring(text, file_format=SUFFIX).to_dict())
