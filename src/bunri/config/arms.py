"""Whether the arms of an experiment can be compared while they train."""

from collections import Counter
from collections.abc import Iterator

from bunri.config.experiment_file import EarlyStopping, Experiment
from bunri.config.model_settings import ModelSettings
from bunri.settings import nearest


def early_stopping_mistakes(experiment: Experiment) -> Iterator[str]:
    """One line for each reason for which ``early_stopping`` could stop nothing, or not what is meant."""
    rule = experiment.early_stopping
    if rule is None:
        return
    names = [model.name for model in experiment.models]
    for name in rule.spare:
        if name not in names:
            yield f"early_stopping.spare: there is no model {name!r}{nearest(name, names)}"
    arms = [model for model in experiment.models if model.arm_of is not None]
    largest = max(Counter(model.arm_of for model in arms).values(), default=0)
    if largest <= rule.min_others:
        yield (
            f"early_stopping.min_others: {rule.min_others + 1} arms of one sweep must be there to compare, but there "
            f"are {largest}. Give a model a `sweep`, or say `arm_of: NAME` in models that are arms of one question"
        )
    for model in arms:
        yield from _too_late(model, rule)


def _too_late(model: ModelSettings, rule: EarlyStopping) -> Iterator[str]:
    """An arm is only judged by validations before its end."""
    epochs, every = model.recipe.epochs, model.recipe.validate_every
    if epochs is not None and max(rule.grace_epochs, every) >= epochs:
        yield (
            f"early_stopping.grace_epochs: {model.name} must be validated after {rule.grace_epochs:g} epochs and "
            f"before its end, but it trains for {epochs:g} and validates every {every:g}. Lower grace_epochs or "
            "recipe.validate_every"
        )
