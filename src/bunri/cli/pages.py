"""Verbs whose result is looked at: report, demo."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from bunri.cli.output import print_json, say

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


def report(
    paths: Annotated[
        list[Path], typer.Argument(help="Folders of experiments or runs, such as runs/demo, or files of predictions.")
    ],
    out: Annotated[Path, typer.Option(help="HTML file to write.")] = Path("report.html"),
    truth: Annotated[
        Path | None, typer.Option(help="COCO JSON with the annotations; for files of predictions.")
    ] = None,
    images: Annotated[Path | None, typer.Option(help="Folder of the photos; by default that of the JSON.")] = None,
    json: AsJson = False,
) -> None:
    """Write scores, curves, mistakes and photos of experiments, runs or predictions as one page that opens offline."""
    from bunri.report import write_report

    write_report(paths, out, truth, images)
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
