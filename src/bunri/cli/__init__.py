"""The command line: verbs, nothing else. A verb loads what it needs when it is called."""

import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from bunri.cli.output import print_text, say
from bunri.errors import BunriError
from bunri.files import cannot_write, takes_no_more
from bunri.redacting import without_secrets

MODULES = (
    "data",
    "training",
    "reproducing",
    "storing",
    "inference",
    "exporting",
    "ensembles",
    "gains",
    "hypotheses",
    "diagnosis",
    "ledger",
    "pages",
)
"""Modules of verbs, in the order of the help; each has its functions in ``COMMANDS``."""


def main() -> None:
    """The command ``bunri``: an error of ours is one line on stderr and its exit code."""
    try:
        build_app()()
    except BunriError as error:
        _end_with(error)
    except OSError as error:  # of a library, such as that of temporary files
        if not takes_no_more(error):
            raise
        _end_with(cannot_write(Path(str(error.filename or tempfile.gettempdir())), error))


def _end_with(error: BunriError) -> NoReturn:
    say(f"error: {without_secrets(str(error))}")
    sys.exit(error.exit_code)


def build_app() -> typer.Typer:
    """The app with all verbs."""
    app = typer.Typer(
        help="A lab for object detection: train, find out what helps, fuse the best ensemble.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_root)
    for command in _commands():
        app.command(command.__name__.rstrip("_"), cls=getattr(command, "command_class", None))(command)
    return app


def _commands() -> Iterator[Callable[..., None]]:
    for name in MODULES:
        if find_spec(f"bunri.cli.{name}") is not None:
            yield from import_module(f"bunri.cli.{name}").COMMANDS


def _show_version(wanted: bool) -> None:
    if wanted:
        print_text(f"bunri {metadata.version('bunri')}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of the command itself."""
