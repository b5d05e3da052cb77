"""MMDetection loaded: compiled operators stood in for, all its modules and ours registered."""

from functools import cache
from pathlib import Path

from bunri.engines.mmdetection import ops


@cache
def load() -> None:
    """Import MMDetection and register its modules and ours; later calls do nothing."""
    ops.prepare()
    from mmdet.utils import register_all_modules

    register_all_modules(init_default_scope=True)
    from bunri.engines.mmdetection import registered

    registered.register()


def shipped_configs() -> Path:
    """The folder of the configs that come with MMDetection: of its wheel, or of a clone."""
    import mmdet

    package = Path(mmdet.__file__).resolve().parent
    wheel = package / ".mim" / "configs"
    return wheel if wheel.is_dir() else package.parent / "configs"
