"""Verbs that train: run, engines."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bunri.cli.output import print_json, print_text, say, table
from bunri.cli.plan import plan_as_text
from bunri.errors import UsageError

if TYPE_CHECKING:
    from bunri.engines.proving import Proof

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def run(
    experiment: Annotated[Path, typer.Argument(help="The experiment file.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="dotted.key=value ...")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Skip what is done, go on with the rest.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Begin anew where runs are.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything and print the plan.")] = False,
    jobs: Annotated[int | None, typer.Option(min=1, help="Runs at once on this machine, as jobs=N.")] = None,
    on: Annotated[str | None, typer.Option(help="A Ray cluster: ray, or ray://HOST:PORT.")] = None,
    as_json: AsJson = False,
) -> None:
    """Train every model on every fold, predict out of fold and on test, evaluate, fuse."""
    from bunri import experiment as experiments
    from bunri.cli.exposures import say_exposures
    from bunri.cli.leaderboard import print_leaderboard
    from bunri.cluster import crew_on

    changes = [*(overrides or []), *([f"jobs={jobs}"] if jobs else [])]
    with crew_on(on) as open_crew:
        asked = (experiment, changes, resume, overwrite, say_exposures)
        if dry_run:
            plan = experiments.dry_run(*asked, open_crew=open_crew)
            _print(plan.to_dict(), plan_as_text(plan), as_json)
            return
        board = experiments.run(*asked, open_crew=open_crew)
    print_json(board.to_dict()) if as_json else print_leaderboard(board)


def engines(
    action: Annotated[
        Literal["list", "install", "check"],
        typer.Argument(help="list, install NAME... from PyPI, or check NAME... by a small training."),
    ] = "list",
    names: Annotated[list[str] | None, typer.Argument(help="Of the engines to install or check.")] = None,
    into: Annotated[Path | None, typer.Option(help="Folder of one environment for all that is installed.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say which engines are there and what is missing; install them; prove that they work."""
    if into is not None and action != "install":
        raise UsageError(f"--into goes with `bunri engines install`, not with {action}")
    if action == "list":
        _list_engines(names or [], as_json)
    elif not names:
        raise UsageError(f"`bunri engines {action}` needs the names of engines; `bunri engines list` has them")
    elif action == "install":
        _install_engines(names, into, as_json)
    else:
        _check_engines(names, as_json)


def _list_engines(names: Sequence[str], as_json: bool) -> None:
    from bunri.engines.catalogue import engine_state, engine_states

    states = [engine_state(name) for name in names] or engine_states()
    rows = [
        (s.name, "ready" if s.ready else "missing", _versions(s.versions), s.interpreter, s.licence) for s in states
    ]
    header = ("engine", "state", "versions", "python", "licence")
    _print({"engines": [s.to_dict() for s in states]}, table(header, rows), as_json)
    for state in states:
        if state.note:
            say(f"{state.name}: {state.note}")
        if state.install:
            say(f"install {state.name}: {state.install}")


def _install_engines(names: Sequence[str], into: Path | None, as_json: bool) -> None:
    from bunri.engines.catalogue import engine_state, requirements_of
    from bunri.engines.installing import install

    for name in names:
        needed = requirements_of(name)
        say(f"{name}: licence {needed.licence}{f'; {needed.note}' if needed.note else ''}")
    install(names, into, say)
    states = [engine_state(name) for name in names]
    lines = [f"{s.name} is installed: {_versions(s.versions)}; {s.interpreter}" for s in states]
    _print({"engines": [s.to_dict() for s in states]}, "\n".join(lines), as_json)
    say(f"prove it: bunri engines check {' '.join(names)}")


def _check_engines(names: Sequence[str], as_json: bool) -> None:
    from dataclasses import asdict

    from bunri.engines.catalogue import engine_state
    from bunri.engines.proving import prove

    states = [engine_state(name) for name in names]
    proofs = []
    for state in states:
        say(f"{state.name}: a small training ...")
        proofs.append(prove(state.name))
    lines = [f"{p.engine} works: losses {_losses(p)}, {p.boxes} boxes, {p.seconds} seconds" for p in proofs]
    _print({"engines": [asdict(proof) for proof in proofs]}, "\n".join(lines), as_json)


def _losses(proof: "Proof") -> str:
    return " ".join(f"{loss:.3f}" for loss in proof.losses)


def _versions(versions: Mapping[str, str | None]) -> str:
    return " ".join(f"{package} {version or 'missing'}" for package, version in versions.items())


def _print(facts: dict[str, object], text: str, as_json: bool) -> None:
    print_json(facts) if as_json else print_text(text)


COMMANDS: tuple[Callable[..., None], ...] = (run, engines)
"""Functions whose names are the verbs."""
