"""What the docs site needs beyond MkDocs: a nav that no page falls out of, and links that stay in the site.

Pages link to files of the repository (`../examples`) and to folders (`decisions`), which is right where the repository
is read, and nowhere in a site: the first become plain text, the second lead to the first page of the folder.
"""

import re
from pathlib import Path
from typing import Any

LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)#\s]+)(#[^)\s]*)?\)")
LEFT_OVER = "More"


def on_config(config: Any) -> Any:
    """Pages of the nav that are not there are left out; those that stand nowhere in it go under "More", by folder."""
    docs = Path(config["docs_dir"])
    config["nav"] = [entry for entry in (_present(entry, docs) for entry in config["nav"]) if entry]
    named = set(_pages(config["nav"]))
    others = sorted(str(page.relative_to(docs)) for page in docs.rglob("*.md"))
    unnamed = [page for page in others if page not in named]
    folders: dict[str, list[Any]] = {}
    for page in unnamed:
        folders.setdefault(str(Path(page).parent), []).append(page)
    single = folders.pop(".", [])
    sections = [{name.capitalize(): pages} for name, pages in folders.items()]
    if single or sections:
        config["nav"].append({LEFT_OVER: [*single, *sections]})
    return config


def _present(entry: Any, docs: Path) -> Any:
    if isinstance(entry, dict):
        return {name: pages for name, pages in ((n, _present(p, docs)) for n, p in entry.items()) if pages}
    if isinstance(entry, list):
        return [inner for inner in (_present(inner, docs) for inner in entry) if inner]
    return entry if (docs / entry).is_file() else None


def _pages(entry: Any) -> list[str]:
    if isinstance(entry, str):
        return [entry]
    inner = entry.values() if isinstance(entry, dict) else entry
    return [page for part in inner for page in _pages(part)]


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Links out of the site become text, links to folders lead to a page."""
    docs, here = Path(config["docs_dir"]).resolve(), Path(page.file.abs_src_path).parent

    def placed(link: re.Match[str]) -> str:
        text, target, anchor = link[1], link[2], link[3] or ""
        if "://" in target or target.startswith("mailto:"):
            return link[0]
        path = (here / target).resolve()
        if not path.is_relative_to(docs):
            return text
        if path.is_dir():
            first = next((p for p in [path / "README.md", *sorted(path.glob("*.md"))] if p.is_file()), None)
            return f"[{text}]({target.rstrip('/')}/{first.name})" if first else text
        return f"[{text}]({target}{anchor})"

    return LINK.sub(placed, markdown)
