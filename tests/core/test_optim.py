import pytest
import torch
from torch import nn

from bunri.errors import ConfigError
from bunri.optim import OptimizerSettings, ScheduleSettings, build_optimizer, check_optimizer, optimizer_class


class Signs(torch.optim.SGD):
    """An optimizer of the user's own."""


def _model() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Sequential(nn.Linear(4, 2)))


def test_any_class_by_name_or_dotted_path() -> None:
    assert optimizer_class("Adagrad") is torch.optim.Adagrad
    assert optimizer_class(f"{__name__}.Signs") is Signs


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "AdamV"}, "did you mean 'Adam"),
        ({"name": "no.such.Class"}, r"optimizer\.name: 'no\.such\.Class' must be the dotted path of a class"),
        ({"name": "SGD", "arguments": {"momentun": 0.9}}, r"optimizer\.arguments\.momentun: .*did you mean 'momentum'"),
        (
            {"name": "SGD", "arguments": {"momentum": -1}},
            "optimizer: SGD refuses its arguments: Invalid momentum",
        ),
        ({"layer_factors": {"3": 0.1}}, r"optimizer\.layer_factors\.3: no parameter starts with it"),
    ],
)
def test_mistakes_name_the_nearest(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_optimizer(_model(), OptimizerSettings.validated(settings, "recipe"))


def test_an_optimizer_is_checked_without_a_model() -> None:
    check_optimizer(OptimizerSettings(name="SGD", arguments={"momentum": 0.9}, layer_factors={"head": 0.1}))
    with pytest.raises(ConfigError, match="optimizer: AdamW refuses its arguments: Invalid weight_decay value"):
        check_optimizer(OptimizerSettings(arguments={"weight_decay": -1}))
    with pytest.raises(ConfigError, match="optimizer: AdamW refuses its arguments"):
        check_optimizer(OptimizerSettings(arguments={"betas": "high"}))


def test_the_longest_layer_key_wins_and_zero_freezes() -> None:
    model = _model()
    settings = OptimizerSettings(lr=0.1, layer_factors={"0": 0.0, "2": 0.5, "2.0.bias": 0.1})
    groups = {group["name"]: group for group in build_optimizer(model, settings).param_groups}
    assert {name: group["lr"] for name, group in groups.items()} == pytest.approx(
        {"base": 0.1, "2": 0.05, "2.0.bias": 0.01}
    )
    assert not any(parameter.requires_grad for name, parameter in model.named_parameters() if name.startswith("0."))


def test_vectors_do_not_decay() -> None:
    settings = OptimizerSettings(arguments={"weight_decay": 0.2})
    decay = {
        p: group["weight_decay"] for group in build_optimizer(_model(), settings).param_groups for p in group["params"]
    }
    assert {(parameter.ndim > 1): value for parameter, value in decay.items()} == {True: 0.2, False: 0.0}


def test_frozen_parameters_are_in_no_group() -> None:
    model = _model()
    model[0].requires_grad_(False)  # type: ignore[index]
    grouped = [p for group in build_optimizer(model, OptimizerSettings()).param_groups for p in group["params"]]
    assert len(grouped) == 4


def test_the_rate_warms_up_and_falls() -> None:
    cosine = ScheduleSettings(warmup_iterations=10, warmup_factor=0.1, final_factor=0.01)
    factors = [cosine.factor(i, 100) for i in range(101)]
    assert factors[0] == pytest.approx(0.1)
    assert factors[5] == pytest.approx(0.55, abs=0.01)
    assert factors[50] == pytest.approx(0.505)
    assert factors[100] == pytest.approx(0.01)
    assert factors[10:] == sorted(factors[10:], reverse=True)


def test_the_rate_in_steps() -> None:
    steps = ScheduleSettings(name="multistep", warmup_iterations=0, milestones=(0.5, 0.8), gamma=0.1)
    assert [steps.factor(i, 10) for i in (0, 4, 5, 7, 8, 9)] == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])
    assert ScheduleSettings(name="constant", warmup_iterations=0).factor(99, 100) == 1.0
