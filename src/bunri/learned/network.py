"""A small neural network that says how likely a candidate is true; it errs elsewhere than trees, so the mean is better.

Two hidden layers with SiLU (arXiv:1702.03118), cross-entropy, AdamW (arXiv:1711.05101) with one warm cycle of the
learning rate, in numpy: some ten thousand weights need no framework. Each feature is first turned into the normal score
of its rank, which no scale and no outlier can upset.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from bunri.boxes import BoolArray, FloatArray, IntArray
from bunri.learned.features import Features, Float32Array
from bunri.learned.text_arrays import array_to_text, text_to_array

KNOTS = 129
"""Quantiles kept of each feature."""

Layers = list[Float32Array]
"""Weights ``(in, out)`` and biases ``(out,)`` in turn."""


@dataclass(frozen=True)
class NetworkSettings:
    """How the network learns. Measured on real out-of-fold predictions; see ``docs/learned-fusion.md``.

    Attributes:
        hidden: Widths of the hidden layers.
        epochs: Passes over the candidates.
        batch: Candidates in a step.
        learning_rate: The highest of the cycle.
        weight_decay: AdamW's, of the weights; biases have none.
        dropout: Share of the hidden values left out in a step.
    """

    hidden: tuple[int, ...] = (64, 32)
    epochs: int = 6
    batch: int = 1024
    learning_rate: float = 4e-3
    weight_decay: float = 0.02
    dropout: float = 0.1


@dataclass(frozen=True, eq=False)
class Network:
    """A fitted network.

    Attributes:
        knots: ``(KNOTS, F)`` quantiles of the features.
        classes: C; the class of a candidate goes in as C numbers, 0 or 1.
        layers: Weights and biases.
    """

    knots: Float32Array
    classes: int
    layers: Layers

    def __post_init__(self) -> None:
        widths = [self.knots.shape[-1] + self.classes, *(bias.size for bias in self.layers[1::2])]
        shapes = [shape for pair in pairwise(widths) for shape in (pair, pair[1:])]
        if self.knots.ndim != 2 or widths[-1] != 1 or [layer.shape for layer in self.layers] != shapes:
            raise ValueError("the layers of a network must fit its inputs and each other, but they do not")

    def log_odds(self, features: Features, class_index: IntArray) -> FloatArray:
        """Log-odds ``(N,)`` of being true."""
        hidden = normal_scores(features.values, self.knots, class_index, self.classes)
        for weight, bias in _pairs(self.layers)[:-1]:
            hidden = _silu(hidden @ weight + bias)[0]
        return np.asarray((hidden @ self.layers[-2] + self.layers[-1])[:, 0], np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "knots": array_to_text(self.knots),
            "classes": self.classes,
            "layers": [array_to_text(layer) for layer in self.layers],
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Network":
        """Back from ``to_dict``."""
        layers = [text_to_array(layer, "float32") for layer in values["layers"]]
        return cls(text_to_array(values["knots"], "float32"), int(values["classes"]), layers)


def _pairs(layers: Layers) -> list[tuple[Float32Array, Float32Array]]:
    return list(zip(layers[::2], layers[1::2], strict=True))


def quantile_knots(values: Float32Array) -> Float32Array:
    """Quantiles ``(KNOTS, F)`` of what is known of each feature; a feature never known has zeros."""
    knots = np.zeros((KNOTS, values.shape[1]), np.float32)
    for k in range(values.shape[1]):
        known = values[:, k][~np.isnan(values[:, k])]
        if len(known):
            knots[:, k] = np.quantile(known, np.linspace(0, 1, KNOTS))
    return knots


def normal_scores(values: Float32Array, knots: Float32Array, class_index: IntArray, classes: int) -> Float32Array:
    """The network's input ``(N, F + C)``: normal scores of ranks, 0 where unknown, then the class as 0 and 1."""
    from scipy.special import ndtri

    table = ndtri(np.clip(np.arange(2 * KNOTS + 1) / (2 * KNOTS), 1e-3, 1 - 1e-3)).astype(np.float32)
    result = np.zeros((len(values), values.shape[1] + classes), np.float32)
    for k in range(values.shape[1]):
        column, known = values[:, k], ~np.isnan(values[:, k])
        twice_rank = np.searchsorted(knots[:, k], column, "left") + np.searchsorted(knots[:, k], column, "right")
        result[known, k] = table[twice_rank[known]]  # ties take the middle of their ranks
    result[np.arange(len(values)), values.shape[1] + class_index] = 1.0
    return result


def train_network(
    features: Features, class_index: IntArray, is_true: BoolArray, classes: int, settings: NetworkSettings, seed: int
) -> Network:
    """Fit a network to N candidates that are true or not ``(N,)``."""
    random = np.random.default_rng(seed)
    knots = quantile_knots(features.values)
    inputs = normal_scores(features.values, knots, class_index, classes)
    layers = _initial((inputs.shape[1], *settings.hidden, 1), random)
    target = is_true.astype(np.float32)
    steps = settings.epochs * max(len(target) // settings.batch, 1)
    adam = _Adam([np.zeros_like(layer) for layer in layers], [np.zeros_like(layer) for layer in layers])
    for step, rows in enumerate(_batches(len(target), settings, random)):
        gradients = _gradients(layers, inputs[rows], target[rows], settings.dropout, random)
        adam.step(layers, gradients, step + 1, settings.learning_rate * _cycle(step / steps), settings.weight_decay)
    return Network(knots, classes, layers)


def _initial(widths: tuple[int, ...], random: np.random.Generator) -> Layers:
    """Weights of He et al. (arXiv:1502.01852), biases 0."""
    layers: Layers = []
    for inputs, outputs in pairwise(widths):
        layers.append((random.standard_normal((inputs, outputs)) * np.sqrt(2 / inputs)).astype(np.float32))
        layers.append(np.zeros(outputs, np.float32))
    return layers


def _batches(count: int, settings: NetworkSettings, random: np.random.Generator) -> Iterator[IntArray]:
    for _ in range(settings.epochs):
        order = random.permutation(count)
        for batch in range(max(count // settings.batch, 1)):
            yield order[batch * settings.batch : (batch + 1) * settings.batch]


def _cycle(progress: float) -> float:
    """Factor of the learning rate: up over the first third, down to nothing over the rest, both along a cosine."""
    up = progress < 0.3
    angle = np.pi * (progress / 0.3 if up else (progress - 0.3) / 0.7)
    return float((1 - np.cos(angle)) / 2 * 0.96 + 0.04 if up else (1 + np.cos(angle)) / 2)


def _silu(z: Float32Array) -> tuple[Float32Array, Float32Array]:
    """``z * sigmoid(z)`` and its slope."""
    sigmoid = _sigmoid(z)
    return z * sigmoid, sigmoid * (1 + z * (1 - sigmoid))


def _sigmoid(z: Float32Array) -> Float32Array:
    return np.asarray(1 / (1 + np.exp(-np.clip(z, -60, 60))), np.float32)


def _gradients(
    layers: Layers, inputs: Float32Array, target: Float32Array, dropout: float, random: np.random.Generator
) -> Layers:
    """Of the mean cross-entropy, for each array of ``layers``."""
    pairs, values, slopes = _pairs(layers), [inputs], []
    for weight, bias in pairs[:-1]:
        hidden, slope = _silu(values[-1] @ weight + bias)
        kept = (random.random(hidden.shape, np.float32) >= dropout) * np.float32(1 / (1 - dropout))
        values.append(hidden * kept)
        slopes.append(slope * kept)
    logit = (values[-1] @ pairs[-1][0] + pairs[-1][1])[:, 0]
    error = ((_sigmoid(logit) - target) / np.float32(len(target)))[:, None]
    gradients: Layers = []
    for k in range(len(pairs) - 1, -1, -1):
        gradients[:0] = [values[k].T @ error, error.sum(axis=0)]
        if k:
            error = (error @ pairs[k][0].T) * slopes[k - 1]
    return gradients


@dataclass
class _Adam:
    mean: Layers
    square: Layers

    def step(self, layers: Layers, gradients: Layers, count: int, rate: float, decay: float) -> None:
        """One step of AdamW in place; ``count`` is from 1."""
        for k, (layer, gradient) in enumerate(zip(layers, gradients, strict=True)):
            self.mean[k] += 0.1 * (gradient - self.mean[k])
            self.square[k] += 0.001 * (gradient * gradient - self.square[k])
            mean, square = self.mean[k] / (1 - 0.9**count), self.square[k] / (1 - 0.999**count)
            if layer.ndim == 2:
                layer *= np.float32(1 - rate * decay)
            layer -= np.float32(rate) * mean / (np.sqrt(square) + np.float32(1e-8))
