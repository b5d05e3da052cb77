"""Styles and scripts of a page, inlined: those all pages share, then its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

SHARED = ("pages.css", "boxes.css", "words.js", "charts.js")


@dataclass(frozen=True)
class Assets:
    """Own files of a room, by name in ``static/`` of its package, in the order they are needed."""

    package: str
    files: Sequence[str] = ()

    def style(self) -> str:
        """All styles, the shared ones first."""
        return self._joined(".css")

    def script(self) -> str:
        """All scripts, the shared ones first."""
        return self._joined(".js")

    def _joined(self, suffix: str) -> str:
        files = [("bunri.pages", name) for name in SHARED] + [(self.package, name) for name in self.files]
        return "\n".join(_text(package, name) for package, name in files if name.endswith(suffix))


def _text(package: str, name: str) -> str:
    return (resources.files(package) / "static" / name).read_text(encoding="utf-8")
