"""Batch norms that stand still: frozen in place, or folded into the convolutions before them."""

import importlib
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

PROBE_SIDE = 224
"""Pixels of the blank photo that shows which norm follows which convolution."""


def freeze_norms(body: nn.Module, how: Literal["folded", "frozen", "live"]) -> None:
    """Keep the statistics of every batch norm of a backbone as they are; ``live`` changes nothing."""
    if how == "live" or not any(isinstance(module, nn.BatchNorm2d) for module in body.modules()):
        return
    if how == "folded":
        for convolution, norm_name in _pairs(body):
            _fold(body, convolution, norm_name)
    timm: Any = importlib.import_module("timm.layers")
    timm.freeze_batch_norm_2d(body)


def _pairs(body: nn.Module) -> list[tuple[nn.Conv2d, str]]:
    """Each convolution whose output goes straight into a batch norm, and the norm's name; found by one forward pass."""
    made: dict[int, tuple[nn.Conv2d, Tensor]] = {}
    pairs: list[tuple[nn.Conv2d, str]] = []
    hooks: list[Any] = []
    for name, module in body.named_modules():
        if isinstance(module, nn.Conv2d):
            # The tensor is kept beside its id, so that the id is not given to another one.
            hooks.append(module.register_forward_hook(lambda m, _, out: made.__setitem__(id(out), (m, out))))
        elif isinstance(module, nn.BatchNorm2d):
            hooks.append(module.register_forward_pre_hook(lambda _, given, n=name: _note(made, pairs, given[0], n)))
    training = body.training
    body.eval()
    with torch.no_grad():
        body(torch.zeros(1, 3, PROBE_SIDE, PROBE_SIDE))
    body.train(training)
    for hook in hooks:
        hook.remove()
    return pairs


def _note(
    made: dict[int, tuple[nn.Conv2d, Tensor]], pairs: list[tuple[nn.Conv2d, str]], given: Tensor, name: str
) -> None:
    if id(given) in made:
        pairs.append((made[id(given)][0], name))


def _fold(body: nn.Module, convolution: nn.Conv2d, norm_name: str) -> None:
    norm: Any = body.get_submodule(norm_name)
    weight, bias = fuse_conv_bn_weights(
        convolution.weight, convolution.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
    )
    convolution.weight, convolution.bias = nn.Parameter(weight.detach()), nn.Parameter(bias.detach())
    # timm's norms carry the activation that follows them.
    parent, _, leaf = norm_name.rpartition(".")
    setattr(body.get_submodule(parent), leaf, getattr(norm, "act", nn.Identity()))
