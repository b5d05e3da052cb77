"""The verb ``run``: plan, check, train, gather."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

from bunri.config import Experiment, load_experiment
from bunri.engines.base import Job, ResolvedConfig
from bunri.engines.process import error_of
from bunri.errors import ConfigError, EngineError, UsageError
from bunri.events import Ended
from bunri.experiment.arms import Arms, not_whole, stopped_early
from bunri.experiment.checks import python_path, resolve_configs
from bunri.experiment.crew import Crew, LocalCrew, OpenCrew
from bunri.experiment.data import DataFiles, ExperimentData, classes_of, load_data, write_data
from bunri.experiment.ensemble import build_ensemble
from bunri.experiment.estimating import TimedPlan, refuse_too_large, timed_plan
from bunri.experiment.exposures import Announce, say_nothing, tell_exposures
from bunri.experiment.gathering import gather, leave_out
from bunri.experiment.leaderboard import Leaderboard, make_leaderboard
from bunri.experiment.photo_record import record_photos
from bunri.experiment.plan import PlannedRun, decide, job_of, planned_runs
from bunri.experiment.provenance import provenance
from bunri.experiment.runs import PreparedRun, unified_diff
from bunri.experiment.storing import fetch_begun, put_all
from bunri.files import write_json
from bunri.settings import nearest
from bunri.user_code import found_in
from bunri.writers import check_writers


def run(
    experiment: str | PathLike[str],
    overrides: Sequence[str] = (),
    resume: bool = False,
    overwrite: bool = False,
    announce: Announce = say_nothing,
    open_crew: OpenCrew = LocalCrew,
) -> Leaderboard:
    """Train every model of an experiment file on every fold, predict, evaluate and fuse.

    Args:
        experiment: The YAML file.
        overrides: ``dotted.key=value``, as on the command line.
        resume: Skip what is done and go on with what was stopped, failed or killed.
        overwrite: Delete what a former run left.
        announce: Told before training what the samplers do to the classes.
        open_crew: Who runs the runs: this machine, or a cluster.

    Raises:
        ConfigError: The file, a native config or an override is wrong; all mistakes at once. Or a model asks for more
            than the cluster has.
        MissingPackageError: A writer's package is not installed.
        DataError: The data is wrong.
        UsageError: There are runs already, or they were begun differently.
        EngineError: A run failed; the message names its log.
    """
    trained = train(experiment, overrides, resume, overwrite, announce, open_crew=open_crew)
    board = conclude(trained.settings, trained.runs, trained.data)
    put_all(trained.settings, trained.runs)
    return board


@dataclass(frozen=True, eq=False)
class Trained:
    """Runs that are done, with what they are of."""

    settings: Experiment
    runs: tuple[PlannedRun, ...]
    data: ExperimentData


def train(
    experiment: str | PathLike[str],
    overrides: Sequence[str] = (),
    resume: bool = False,
    overwrite: bool = False,
    announce: Announce = say_nothing,
    models: Collection[str] | None = None,
    open_crew: OpenCrew = LocalCrew,
) -> Trained:
    """The first part of :func:`run`: train and predict, without gathering; ``models`` names some of the models."""
    settings = _only(load_experiment(Path(experiment), overrides), models)
    with found_in(python_path(settings, ())):
        checked = _checked(settings, provenance(Path(experiment).absolute().parent), resume, overwrite, open_crew)
        record_photos(settings, checked.data, anew=overwrite)
        tell_exposures(settings, checked.runs, checked.data, announce)
        _write_settings(settings, is_whole=models is None)
        ends = checked.crew.run(checked.prepared, Arms(settings, checked.runs))
    _refuse_unfinished([one.run for one in checked.prepared], ends)
    return Trained(settings, checked.runs, checked.data)


def _only(settings: Experiment, models: Collection[str] | None) -> Experiment:
    """The experiment with some of its models.

    Raises:
        ConfigError: There is no such model.
    """
    if models is None:
        return settings
    known = [model.name for model in settings.models]
    for name in models:
        if name not in known:
            raise ConfigError(f"experiment {settings.name} has no model {name!r}{nearest(name, known)}")
    return settings.model_copy(update={"models": tuple(one for one in settings.models if one.name in models)})


def _write_settings(settings: Experiment, is_whole: bool) -> None:
    """A part of an experiment does not take the place of the whole."""
    path = settings.folder / "experiment.json"
    if is_whole or not path.exists():
        write_json(path, settings.model_dump(mode="json"))


def conclude(settings: Experiment, runs: Sequence[PlannedRun], data: ExperimentData) -> Leaderboard:
    """Gather what the runs predicted, fuse, evaluate; an arm that was given up is on the board without scores."""
    given_up = not_whole(runs)
    members = gather(settings, [run for run in runs if run.model.name not in given_up], data)
    ensemble = build_ensemble(settings, members, data)
    left_out = leave_out(settings, [run for run in runs if run.model.name in given_up], given_up)
    return make_leaderboard(settings, members, ensemble, data, left_out)


def dry_run(
    experiment: str | PathLike[str],
    overrides: Sequence[str] = (),
    resume: bool = False,
    overwrite: bool = False,
    announce: Announce = say_nothing,
    models: Collection[str] | None = None,
    open_crew: OpenCrew = LocalCrew,
) -> TimedPlan:
    """Check everything and say what would be done with each run and how long it would take; raises as :func:`run`."""
    settings = _only(load_experiment(Path(experiment), overrides), models)
    with found_in(python_path(settings, ())):
        checked = _checked(settings, {}, resume, overwrite, open_crew)
        tell_exposures(settings, checked.runs, checked.data, announce)
    return timed_plan(checked.crew, checked.runs, settings.runs)


@dataclass(frozen=True, eq=False)
class _Checked:
    """An experiment in which nothing is wrong that can be seen before anything trains."""

    data: ExperimentData
    runs: tuple[PlannedRun, ...]
    crew: Crew
    prepared: list[PreparedRun]


def _checked(
    settings: Experiment, facts: Mapping[str, Any], resume: bool, overwrite: bool, open_crew: OpenCrew
) -> _Checked:
    """Check writers, data, runs, the crew's room and every native config; the folds are written."""
    check_writers(settings.writers)
    fetch_begun(settings, planned_runs(settings), resume, overwrite)
    data = load_data(settings)
    files = write_data(data, settings)
    runs = _decided(settings, files, resume, overwrite)
    crew = open_crew(settings, {**facts, **classes_of(data.train)})
    refuse_too_large(crew, runs)
    return _Checked(data, runs, crew, _prepared(settings, runs, files, isinstance(crew, LocalCrew)))


def _decided(settings: Experiment, files: DataFiles, resume: bool, overwrite: bool) -> tuple[PlannedRun, ...]:
    runs = planned_runs(settings)
    if overwrite:
        return runs
    decided = [replace(planned, action=decide(planned, job_of(settings, planned, files), resume)) for planned in runs]
    return tuple(_without_given_up(settings, decided))


def _without_given_up(settings: Experiment, runs: Sequence[PlannedRun]) -> Iterator[PlannedRun]:
    """An arm that was given up stays so, as long as the rule does and does not spare it."""
    rule = settings.early_stopping
    given_up = stopped_early(runs).keys() - set(rule.spare) if rule is not None else set[str]()
    for run in runs:
        yield replace(run, action="skip") if run.model.name in given_up else run


def _prepared(
    settings: Experiment, runs: Sequence[PlannedRun], files: DataFiles, trained_here: bool
) -> list[PreparedRun]:
    """The runs that are not done, with native configs that their engines understand."""
    unfinished = [planned for planned in runs if planned.action != "skip"]
    wanted = [model for model in settings.models if any(planned.model is model for planned in unfinished)]
    configs = resolve_configs(settings, wanted, trained_here)
    return [_prepare(run, job_of(settings, run, files), configs[run.model.name]) for run in unfinished]


def _prepare(run: PlannedRun, job: Job, config: ResolvedConfig) -> PreparedRun:
    """Put the place of the resolved config into the job; a run goes on only with the config it was begun with.

    Raises:
        UsageError: The resolved config has changed, as a file that the native config is based on may have.
    """
    resolved = run.folder.resolved_config_file(config.suffix)
    if run.action == "continue" and resolved.exists() and resolved.read_text() != config.after:
        raise UsageError(
            f"{run.label} can only be resumed with the config it was begun with, but {run.model.config} with what it "
            f"is based on no longer gives {resolved}. Undo the change, or begin anew with --overwrite."
        )
    diff = unified_diff(config, run.model.config.name)
    return PreparedRun(run, job.model_copy(update={"resolved": resolved}), config.after, diff)


def _refuse_unfinished(runs: Sequence[PlannedRun], ends: Sequence[Ended]) -> None:
    failed = [(planned, ended) for planned, ended in zip(runs, ends, strict=True) if ended.status == "failed"]
    stopped = sum(ended.status == "stopped" for ended in ends)
    if failed:
        told = [f"{run.label} failed: {ended.message}\n  its log: {run.folder.log_file}" for run, ended in failed]
        message = "\n".join([*told, "When the cause is mended, go on with --resume."])
        raise error_of(replace(failed[0][1], message=message))
    if stopped:
        raise EngineError(f"stopped with {stopped} of {len(runs)} runs unfinished. Go on with --resume.")
