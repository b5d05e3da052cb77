"""Optimizer and schedule as data: any ``torch.optim`` class or dotted path, factors per layer, warm-up.

torch is imported inside the calls, so that reading an experiment does not load it.
"""

import importlib
import inspect
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from bunri.errors import ConfigError
from bunri.settings import Settings, nearest

if TYPE_CHECKING:
    from torch.nn import Module, Parameter
    from torch.optim import Optimizer


class OptimizerSettings(Settings):
    """Which optimizer, with which parameters, on which layers."""

    name: str = "AdamW"
    """A class of ``torch.optim``, or the dotted path of any optimizer class (``my_package.Lion``)."""
    lr: Annotated[float, Field(gt=0)] = 1e-3
    """Base learning rate."""
    arguments: dict[str, Any] = {}
    """Further arguments of the class, such as ``weight_decay`` or ``momentum``."""
    layer_factors: dict[str, Annotated[float, Field(ge=0)]] = {}
    """Factor on the rate of the parameters whose name starts with the key; the longest key wins, 0 freezes."""
    no_weight_decay_on_vectors: bool = True
    """Biases and norms (parameters of one dimension) get no weight decay."""


class ScheduleSettings(Settings):
    """Learning rate over the iterations, as a factor on the base rate."""

    name: Literal["cosine", "multistep", "constant"] = "cosine"
    """``multistep`` multiplies by ``gamma`` at each milestone."""
    warmup_iterations: Annotated[int, Field(ge=0)] = 100
    """Iterations in which the rate rises linearly from ``warmup_factor``."""
    warmup_factor: Annotated[float, Field(ge=0, le=1)] = 0.001
    """Factor at the first iteration."""
    milestones: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (0.67, 0.89)
    """Shares of the training at which ``multistep`` steps down."""
    gamma: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Factor of a step down."""
    final_factor: Annotated[float, Field(ge=0, le=1)] = 0.01
    """Factor ``cosine`` ends at."""

    def factor(self, iteration: int, total: int) -> float:
        """Factor on the base rate in an iteration, counted from 0."""
        return self._warmup(iteration) * self._decay(min(iteration / max(total, 1), 1.0))

    def _warmup(self, iteration: int) -> float:
        if iteration >= self.warmup_iterations:
            return 1.0
        return self.warmup_factor + (1.0 - self.warmup_factor) * iteration / self.warmup_iterations

    def _decay(self, progress: float) -> float:
        if self.name == "cosine":
            return self.final_factor + (1.0 - self.final_factor) * 0.5 * (1.0 + math.cos(math.pi * progress))
        if self.name == "multistep":
            return float(self.gamma ** sum(progress >= milestone for milestone in self.milestones))
        return 1.0


def optimizer_class(name: str) -> Any:
    """The class of a ``torch.optim`` name or a dotted path.

    Raises:
        ConfigError: There is no such class; the message names the nearest one.
    """
    if "." in name:
        return _class_at(name)
    import torch

    known = [key for key, value in vars(torch.optim).items() if inspect.isclass(value) and key != "Optimizer"]
    if name not in known:
        raise ConfigError(f"optimizer.name: {name!r} is no class of torch.optim{nearest(name, known)}")
    return getattr(torch.optim, name)


def _class_at(path: str) -> Any:
    module, _, attribute = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"optimizer.name: {path!r} must be the dotted path of a class, but {error}") from error


def build_optimizer(model: "Module", settings: OptimizerSettings) -> "Optimizer":
    """The optimizer over the parameters that learn, one group a layer factor; a group's ``name`` says which.

    Raises:
        ConfigError: No such class, an argument it does not take, or a layer key that fits no parameter.
    """
    kind = optimizer_class(settings.name)
    _check_arguments(kind, settings)
    named = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    _check_layers([name for name, _ in model.named_parameters()], settings.layer_factors)
    return _built(kind, _groups(named, settings), settings)


def check_optimizer(settings: OptimizerSettings) -> None:
    """Find out whether the optimizer can be built.

    Raises:
        ConfigError: No such class, or an argument or a value it does not take.
    """
    import torch

    kind = optimizer_class(settings.name)
    _check_arguments(kind, settings)
    _built(kind, [torch.nn.Parameter(torch.zeros(1, 1))], settings)


def _built(kind: Any, parameters: Sequence[Any], settings: OptimizerSettings) -> "Optimizer":
    try:
        optimizer: Optimizer = kind(parameters, lr=settings.lr, **settings.arguments)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"optimizer: {settings.name} refuses its arguments: {error}") from error
    return optimizer


def _check_arguments(kind: Any, settings: OptimizerSettings) -> None:
    parameters = inspect.signature(kind).parameters
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
        return
    for key in settings.arguments:
        if key not in parameters:
            raise ConfigError(
                f"optimizer.arguments.{key}: {settings.name} takes no such{nearest(key, list(parameters))}"
            )


def _check_layers(names: Iterable[str], factors: Mapping[str, float]) -> None:
    all_names = list(names)
    for key in factors:
        if not any(name.startswith(key) for name in all_names):
            tops = sorted({".".join(name.split(".")[:2]) for name in all_names})
            raise ConfigError(f"optimizer.layer_factors.{key}: no parameter starts with it{nearest(key, tops)}")


def _groups(named: Iterable[tuple[str, "Parameter"]], settings: OptimizerSettings) -> list[dict[str, Any]]:
    groups: dict[str, dict[str, Any]] = {}
    for name, parameter in named:
        layer = max((k for k in settings.layer_factors if name.startswith(k)), key=len, default="base")
        factor = settings.layer_factors.get(layer, 1.0)
        if factor == 0:
            parameter.requires_grad_(False)
            continue
        plain = parameter.ndim <= 1 and settings.no_weight_decay_on_vectors and "weight_decay" in settings.arguments
        group_name = f"{layer}_no_decay" if plain else layer
        group = groups.setdefault(group_name, {"params": [], "name": group_name, "lr": settings.lr * factor})
        if plain:
            group["weight_decay"] = 0.0
        group["params"].append(parameter)
    return list(groups.values())
