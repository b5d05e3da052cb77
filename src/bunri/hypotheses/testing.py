"""The verb ``test``: train what is missing, build the arms, see that they stand on equal footing, judge the family."""

from collections.abc import Mapping
from functools import reduce
from os import PathLike
from pathlib import Path

import numpy as np

from bunri.boxes import IntArray
from bunri.dataset import Dataset
from bunri.errors import ConfigError, DataError, UsageError
from bunri.evaluate.counted import check_classes
from bunri.experiment import PlannedRun
from bunri.experiment.exposures import Announce, say_nothing
from bunri.hypotheses.building import Setting, Workshop
from bunri.hypotheses.contrasts import ArmScores, effect_of
from bunri.hypotheses.file import Arm, HypothesesFile, Hypothesis
from bunri.hypotheses.footing import Footings, all_refusals
from bunri.hypotheses.judging import Case, judge_family
from bunri.hypotheses.leaves import Leaf, read_leaf
from bunri.hypotheses.loading import load_hypotheses
from bunri.hypotheses.questions import questions_of
from bunri.hypotheses.scoring import Scorer, metric_of
from bunri.hypotheses.training import leaf_of, trainings_of
from bunri.hypotheses.verdicts import Finding, Verdicts
from bunri.io import load_dataset
from bunri.search.task import image_labels


def judge(path: str | PathLike[str], announce: Announce = say_nothing) -> Verdicts:
    """Judge the claims of a file.

    Args:
        path: The file of hypotheses.
        announce: Told before training what samplers do to the classes.

    Raises:
        ConfigError: The file, or an experiment of it, is wrong.
        UsageError: Arms are not on an equal footing; all unlike things of all claims are named.
        DataError: A file of predictions or the truth is wrong, or there is nothing to judge.
        EngineError: A training failed.
    """
    settings = load_hypotheses(Path(path))
    truth, leaves = _gathered(settings, announce)
    groups = image_labels(truth, settings.groups)
    assert groups is not None
    workshop = Workshop(settings.arms, leaves, truth, groups)
    scorer = Scorer(workshop, settings.resamples, settings.seed)
    footings = {name: _footings(name, settings, scorer) for name in settings.hypotheses}
    if refusals := all_refusals(footings):
        raise UsageError(
            f"{path} compares what is not alike:\n" + "\n".join(f"  {line}" for line in refusals) + "\nMake it equal "
            "(floor, images, iterations), say what files do not (tta, iterations), or allow it with its reason: "
            "unequal: {name: reason}."
        )
    return _judged(Path(path), settings, footings, leaves)


def plan(path: str | PathLike[str]) -> tuple[PlannedRun, ...]:
    """Check a file and its experiments, and say what would be done with each run; raises as :func:`judge` does."""
    settings = load_hypotheses(Path(path))
    return tuple(run for training in trainings_of(_needed_arms(settings)) for run in training.plan())


def _needed_arms(settings: HypothesesFile) -> dict[str, Arm]:
    """Arms that effects are made of, however deep."""
    waiting = [name for hypothesis in settings.hypotheses.values() for name in hypothesis.arm_names]
    needed = dict[str, Arm]()
    while waiting:
        name = waiting.pop(0)
        if name not in needed:
            needed[name] = settings.arms[name]
            waiting += [reference.partition("@")[0] for reference in settings.arms[name].members]
    return needed


def _gathered(settings: HypothesesFile, announce: Announce) -> tuple[Dataset, dict[str, Leaf]]:
    """The truth and all leaves; what is missing is trained."""
    arms = _needed_arms(settings)
    trained = [(training, training.run(announce)) for training in trainings_of(arms)]
    if settings.truth is not None:
        truth = load_dataset(settings.truth)
    else:
        truth = reduce(_same_truth, [done.data.train for _, done in trained])
    leaves = {name: read_leaf(name, arm, truth) for name, arm in arms.items() if arm.predictions is not None}
    leaves |= {name: leaf_of(name, training, done, truth) for training, done in trained for name in training.arms}
    for leaf in leaves.values():
        for predictions in leaf.by_seed.values():
            check_classes(predictions, truth)
    return truth, leaves


def _same_truth(one: Dataset, other: Dataset) -> Dataset:
    same = one.class_names == other.class_names and np.array_equal(one.images.id, other.images.id)
    if not (same and np.array_equal(one.annotations.box_xyxy, other.annotations.box_xyxy)):
        raise ConfigError("truth: must be given where experiments learn from different data")
    return one


def _footings(name: str, settings: HypothesesFile, scorer: Scorer) -> Footings:
    hypothesis, workshop = settings.hypotheses[name], scorer.workshop
    rule = hypothesis.images or settings.images
    setting = _setting(hypothesis, settings, workshop, rule == "common")
    metric = metric_of(hypothesis, workshop.truth, setting, workshop.groups)
    return Footings(hypothesis, setting, metric, scorer, rule == "common")


def _setting(hypothesis: Hypothesis, settings: HypothesesFile, workshop: Workshop, only_common: bool) -> Setting:
    """The judged images, and the floor.

    Raises:
        DataError: No image is left.
    """
    arms = [[leaf.partition("@")[0] for leaf in workshop.leaves_of(name)] for name in hypothesis.arm_names]
    seen = [[_seen(workshop.leaves[leaf]) for leaf in leaves] for leaves in arms]
    join = np.intersect1d if only_common else np.union1d
    ids = reduce(np.intersect1d, [workshop.truth.images.id, *(reduce(join, own) for own in seen)])
    if not len(ids):
        raise DataError(f"{hypothesis.effect}: an image of the truth must be looked at by all arms, but there is none")
    images, floor = tuple(ids.tolist()), settings.floor if hypothesis.floor is None else hypothesis.floor
    if isinstance(floor, float):
        return Setting(images, floor)
    leaves = dict.fromkeys(leaf for own in arms for leaf in own)
    lowest = [_lowest_score(workshop.leaves[leaf], np.asarray(ids)) for leaf in leaves]
    return Setting(images, max(lowest) if floor == "common" else 0.0)


def _seen(leaf: Leaf) -> IntArray:
    return reduce(np.intersect1d, [one.seen_image_id for one in leaf.by_seed.values()])


def _lowest_score(leaf: Leaf, ids: IntArray) -> float:
    return max(float(one.of_images(ids).score.min(initial=1.0)) for one in leaf.by_seed.values())


def _judged(
    path: Path, settings: HypothesesFile, footings: Mapping[str, Footings], leaves: Mapping[str, Leaf]
) -> Verdicts:
    scores = {name: _scores(one) for name, one in footings.items()}
    cases = [_case(one, scores[name]) for name, one in footings.items()]
    judgements = judge_family(cases, settings.error_rate, settings.power)
    rows = zip(footings.items(), cases, judgements, strict=True)
    findings = [Finding(name, one, scores[name], case.number, judged) for (name, one), case, judged in rows]
    return Verdicts(path, settings, tuple(findings), leaves)


def _scores(footings: Footings) -> Mapping[str, ArmScores]:
    return footings.scorer.scores(footings.hypothesis.arm_names, footings.setting, footings.metric)


def _case(footings: Footings, scores: Mapping[str, ArmScores]) -> Case:
    hypothesis, metric = footings.hypothesis, footings.metric
    number = effect_of(scores, hypothesis.differences, metric.units)
    return Case(questions_of(hypothesis), number, len(footings.setting.images))
