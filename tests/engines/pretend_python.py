"""A Python whose ``venv`` and ``pip`` only pretend, so that installing can be tested without a network.

Everything else it hands to the real Python. ``pip install`` writes what it was asked to ``pip.jsonl`` in its
environment and "installs" each requirement as empty metadata, as far as a test does not tell it to fail.
"""

import json
import sys
from pathlib import Path
from typing import Any

import bunri.engines.installing as installing

SCRIPT = """#!{python}
import json, os, re, shutil, sys
from pathlib import Path
me, arguments = Path(sys.argv[0]), sys.argv[1:]
home = me.parents[1]
packages = home / "packages"

def install(arguments):
    with (home / "pip.jsonl").open("a") as log:
        log.write(json.dumps(arguments) + "\\n")
    print("Collecting everything")
    if os.environ.get("PRETEND_FAIL", "no such word") in " ".join(arguments):
        print("ERROR: No matching distribution found for", os.environ["PRETEND_FAIL"])
        sys.exit(1)
    if "--target" in arguments:
        folder = Path(arguments[arguments.index("--target") + 1])
        for name in ("detectron2", "tools"):
            (folder / name).mkdir(parents=True)
        wanted = Path(arguments[arguments.index("-r") + 1]).read_text().split()[:1]
    else:
        folder, wanted = packages, [word for word in arguments if re.match("[A-Za-z]", word)]
    for word in wanted:
        if word not in os.environ.get("PRETEND_LEAVE_OUT", "").split():
            name, _, version = word.partition("==")
            name = re.split("[^A-Za-z0-9._-]", name)[0]
            info = folder / (name.replace("-", "_") + "-0.dist-info")
            info.mkdir(parents=True, exist_ok=True)
            (info / "METADATA").write_text("Name: " + name + "\\nVersion: " + (version or "0") + "\\n")

if arguments[:2] == ["-m", "venv"]:
    target = Path(arguments[2]) / "bin"
    target.mkdir(parents=True)
    shutil.copy(me, target / "python")
    (target.parent / "pyvenv.cfg").touch()
elif arguments[:3] == ["-m", "pip", "install"]:
    install([word for word in arguments[3:] if word not in {quiet}])
elif arguments[:2] == ["-m", "pip"]:
    print("pip 0")
else:
    code = arguments[1].replace("sysconfig.get_path('purelib')", repr(str(packages)))
    path = [str(packages), *(str(p) for p in packages.glob("_*"))]
    sys.argv = ["-c", *arguments[2:]]
    sys.path[:] = path + [p for p in sys.path if "site-packages" not in p]
    exec(code)
"""


def write_pretend_python(folder: Path) -> str:
    """The interpreter's path."""
    path = folder / "pretend" / "python"
    path.parent.mkdir(parents=True)
    quiet = repr(installing.PIP[3:])
    path.write_text(SCRIPT.replace("{python}", sys.executable).replace("{quiet}", quiet))
    path.chmod(0o755)
    return str(path)


def pip_calls(environment: Path) -> list[list[str]]:
    """Arguments of every ``pip install`` in an environment, those that only silence it left out."""
    lines = (environment / "pip.jsonl").read_text().splitlines()
    calls: list[Any] = [json.loads(line) for line in lines]
    return calls
