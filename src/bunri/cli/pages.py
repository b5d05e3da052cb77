"""Verbs whose result is looked at: report, demo."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from bunri.cli.output import print_json, say

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


def report(
    folder: Annotated[Path, typer.Argument(help="Folder of an experiment, such as runs/demo.")],
    out: Annotated[Path, typer.Option(help="HTML file to write.")] = Path("report.html"),
    json: AsJson = False,
) -> None:
    """Write an experiment's scores, curves and mistakes as one page that opens offline."""
    from bunri.report import write_report

    write_report(folder, out)
    say(f"wrote {out}; open it in a browser")
    if json:
        print_json({"report": str(out)})


def demo(
    out: Annotated[Path, typer.Option(help="Folder for data, runs, submission.csv and report.html.")] = Path(
        "demo_out"
    ),
    overrides: Annotated[list[str] | None, typer.Argument(help="dotted.key=value ... for the experiment")] = None,
    overwrite: Annotated[bool, typer.Option(help="Begin anew; otherwise what is done is kept.")] = False,
    json: AsJson = False,
) -> None:
    """Run the whole job on the embedded data set: render, train, predict, evaluate, fuse, submit, report."""
    from bunri.cli.leaderboard import print_leaderboard
    from bunri.demo.job import run_demo

    result = run_demo(out, overrides or [], overwrite)
    if json:
        print_json(result.to_dict())
    else:
        print_leaderboard(result.leaderboard)
    say(f"wrote {result.submission} and {result.report}; open the report in a browser")


COMMANDS: tuple[Callable[..., None], ...] = (report, demo)
"""Functions whose names are the verbs."""
