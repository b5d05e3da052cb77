"""Write the lock files: the version of every package, and the SHA-256 of each of its files, for all systems.

    make lock        # versions that are in the files stay, where they still fit; to renew one, delete its lines first

``locks/bunri.txt`` is what `make install` installs (bunri with its torchvision engine and the checks' tools),
``locks/engines.txt`` the environment of the other frameworks (`make engines`).
"""

import subprocess
from pathlib import Path

from bunri.engines.catalogue import REQUIREMENTS, base_requirements

ROOT = Path(__file__).parents[1]
EXTRAS = ("torchvision", "dev")
FRAMEWORKS = ("effdet", "ultralytics", "mmdetection", "detectron2")
COMPILE = ("uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes")
SAID = ("--custom-compile-command", "make lock", "--no-emit-index-url", "--no-emit-find-links")


def main() -> None:
    """Write both."""
    extras = [word for extra in EXTRAS for word in ("--extra", extra)]
    write("bunri", ["pyproject.toml", *extras])
    write("engines", ["-"], "\n".join(engine_requirements()))


def engine_requirements() -> list[str]:
    """What `bunri engines install` asks pip for; the wheel it unpacks by itself has its hash in the catalogue."""
    pins = [pin for framework in FRAMEWORKS for pin in REQUIREMENTS[framework].pins]
    return list(dict.fromkeys([*pins, *base_requirements()]))


def write(name: str, sources: list[str], given: str = "") -> None:
    """Write one."""
    command = [*COMPILE, *SAID, *sources, "--output-file", f"locks/{name}.txt"]
    subprocess.run(command, cwd=ROOT, input=given, text=True, check=True)


if __name__ == "__main__":
    main()
