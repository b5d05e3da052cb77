"""Pages of the documentation lead somewhere, and name verbs and functions that exist."""

import re
from pathlib import Path

import pytest
import typer

import bunri
from bunri.cli import build_app

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)")


def verbs() -> set[str]:
    commands = [command.callback.__name__ for command in build_app().registered_commands if command.callback]
    return {name.rstrip("_") for name in commands}


def verbs_named_in(page: Path) -> set[str]:
    return set(re.findall(r"(?:^|`)bunri ([a-z]+)\b", page.read_text(), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_files_exist(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text()) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_verbs_that_are_named_exist(page: Path) -> None:
    assert verbs_named_in(page) - verbs() == set()


def options() -> dict[str, set[str]]:
    """The options of every verb, those of all verbs too."""
    app = typer.main.get_command(build_app())
    return {
        name: {
            "--help",
            *(option for parameter in command.params for option in [*parameter.opts, *parameter.secondary_opts]),
        }
        for name, command in app.commands.items()  # type: ignore[attr-defined]
    }


def options_named_in(page: Path) -> list[tuple[str, str]]:
    """Verb and option of each ``bunri VERB ... --option`` in a block or in backticks; lines and commands may go on."""
    text = page.read_text().replace("\\\n", " ")
    calls = re.findall(r"(?:^|`|&& |; )bunri ([a-z]+)\b([^`\n#&;|]*)", text, re.MULTILINE)
    return [(verb, option) for verb, rest in calls for option in re.findall(r"(?<=\s)--[a-z][a-z0-9-]*", rest)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_options_that_are_named_exist(page: Path) -> None:
    known = options()
    named = [(verb, option) for verb, option in options_named_in(page) if verb in known]
    assert [(verb, option) for verb, option in named if option not in known[verb]] == []


def test_options_are_found_where_they_are_named() -> None:
    named = options_named_in(ROOT / "README.md")
    assert {("doctor", "--images"), ("eda", "--out"), ("fuse", "--method")} <= set(named)
    assert {"--images", "--method", "--json"} <= options()["fuse"]


def test_every_verb_has_a_place_in_the_docs() -> None:
    named = set().union(*(verbs_named_in(page) for page in PAGES if page.parent.name == "docs"))
    assert verbs() - named == set()


def test_the_readme_names_the_verbs_of_the_whole_way() -> None:
    assert verbs_named_in(ROOT / "README.md") >= {"doctor", "run", "report", "eval", "compare", "fuse"}


@pytest.mark.parametrize("name", ["README.md", "README.ko.md"])
def test_functions_that_are_named_exist(name: str) -> None:
    named = set(re.findall(r"bunri\.([a-z_]+)\(", (ROOT / name).read_text()))
    assert named >= {"load_dataset", "fuse", "evaluate", "compare"}
    assert [function for function in named if not callable(getattr(bunri, function))] == []


def test_both_readmes_have_the_same_commands() -> None:
    blocks = [
        re.findall(r"```sh\n(.*?)```", (ROOT / name).read_text(), re.DOTALL) for name in ("README.md", "README.ko.md")
    ]
    without_comments = [[re.sub(r"\s*#.*", "", block) for block in page] for page in blocks]
    assert without_comments[0] == without_comments[1]


def test_decisions_are_numbered_without_gaps_and_say_their_status() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        text = page.read_text()
        assert text.startswith(f"# {int(page.name[:4])}. ")
        assert re.search(
            r"^Status: (accepted|superseded by \d+) · Date: \d{4}-\d{2}-\d{2} · Scope: ", text, re.MULTILINE
        )
