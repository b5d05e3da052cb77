"""The Ultralytics engine: YOLO and RT-DETR in Ultralytics' own trainer, fed, paced and judged by us.

Importing this package takes Ultralytics off the network before it can be imported itself: it looks for the internet,
for fonts and for its telemetry when it starts. Its settings and fonts lie in a folder of the process, gone at its end.
"""

import atexit
import importlib.util
import os
import shutil
import tempfile
from pathlib import Path


def _go_offline() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="bunri-ultralytics-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    fonts = folder / "Ultralytics"
    fonts.mkdir()
    matplotlib = importlib.util.find_spec("matplotlib")
    if matplotlib is not None and matplotlib.origin is not None:
        ready = Path(matplotlib.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
        for name in ("Arial.ttf", "Arial.Unicode.ttf"):  # drawing would download them
            (fonts / name).symlink_to(ready)
    os.environ |= {"YOLO_OFFLINE": "true", "YOLO_CONFIG_DIR": str(folder), "YOLO_AUTOINSTALL": "false"}
    return folder


CONFIG_FOLDER = _go_offline()
"""Where Ultralytics keeps its settings in this process."""
