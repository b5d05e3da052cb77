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


def watch(
    runs: Annotated[
        list[Path] | None, typer.Argument(help="Folders of runs, here or on a shared disk.", show_default="runs")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="On 127.0.0.1; 0 takes a free one.")] = 7861,
    every: Annotated[float, typer.Option(min=0.2, help="Seconds between two looks.")] = 2.0,
) -> None:
    """Show running and finished runs in the browser while they train: progress, curves, what went wrong."""
    from bunri.watch import serve

    serve(runs or [Path("runs")], port, every, lambda address: say(f"open {address} in a browser; Ctrl-C ends"))


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


COMMANDS: tuple[Callable[..., None], ...] = (report, watch, demo)
"""Functions whose names are the verbs."""
