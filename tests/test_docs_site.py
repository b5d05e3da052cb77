"""The docs site builds without a complaint, holds every page, and asks nothing of a network."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bunri.config import load_experiment

ROOT = Path(__file__).parents[1]
GUIDES = ("start", "from-ultralytics", "from-mmdetection", "from-detectron2", "winning")
ASKED = re.compile(r"""<(?:script|link|img|iframe)[^>]*?(?:src|href)=["'](https?:)?//""")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("material", reason="mkdocs-material is not installed; it is in the extra `docs`")
    pytest.importorskip("mkdocstrings", reason="mkdocstrings is not installed; it is in the extra `docs`")
    out = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(out)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return out


def test_every_page_is_in_the_site_and_in_its_nav(site: Path) -> None:
    front = (site / "index.html").read_text()
    for page in (ROOT / "docs").rglob("*.md"):
        built = page.relative_to(ROOT / "docs").with_suffix(".html")
        built = built.with_name("index.html") if page.name == "README.md" else built
        assert (site / built).is_file(), built
        assert f'href="{built.as_posix()}"' in front, f"{built} is not in the nav"


def test_the_site_asks_for_nothing(site: Path) -> None:
    for page in site.rglob("*.html"):
        assert not ASKED.search(page.read_text()), page.name


def test_links_have_the_contrast_of_our_own_pages_and_a_line(site: Path) -> None:
    """Material's own teal has 3.8 to one on white."""
    assert 'href="site.css"' in (site / "index.html").read_text()
    style = (site / "site.css").read_text()
    assert "text-decoration: underline" in style
    for scheme, colour in (("default", "#00624a"), ("slate", "#62d2a6")):
        assert re.search(rf'"{scheme}"\] {{\s*--md-typeset-a-color: {colour}', style), scheme
    shared = (ROOT / "src" / "bunri" / "pages" / "static" / "pages.css").read_text()
    assert "--accent: light-dark(#00624a, #62d2a6)" in shared


def test_links_of_the_site_lead_somewhere(site: Path) -> None:
    broken = []
    for page in site.rglob("*.html"):
        for link in re.findall(r'href="([^"#:?]+)(?:#[^"]*)?"', page.read_text()):
            if not (page.parent / link).exists() and page.name != "404.html":
                broken.append(f"{page.relative_to(site)}: {link}")
    assert broken == []


def test_the_reference_shows_functions_with_their_arguments(site: Path) -> None:
    text = re.sub(r"<[^>]+>", "", (site / "reference.html").read_text())
    for name in ("load_dataset", "evaluate", "compare", "fuse", "search", "run", "to_supervision", "EnsembleRecipe"):
        assert re.search(rf"\b{name}\b", text), name
    assert "image_folder" in text


@pytest.mark.parametrize("name", GUIDES)
def test_experiments_of_the_guides_are_right(name: str, tmp_path: Path) -> None:
    text = (ROOT / "docs" / f"{name}.md").read_text()
    [experiment] = [block for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "models:" in block]
    for file in re.findall(r"[\w/-]+\.(?:json|yaml|py)\b", experiment):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("")
    for folder in ("photos", "folds"):
        (tmp_path / folder).mkdir()
    (tmp_path / "experiment.yaml").write_text(experiment)
    assert load_experiment(tmp_path / "experiment.yaml").models
