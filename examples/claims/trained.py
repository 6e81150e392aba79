"""Small networks trained on the digits that nonlin ships; every run is kept, so that claims can share it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import torch

import nonlin
from nonlin import demonstration

__all__ = ["BATCH", "LOW", "Run", "best_steps", "deep", "digits", "train"]

BATCH, STEPS, TRAINED = 60, 300, 400
MODULES: dict[str, Any] = {
    "relu": torch.nn.ReLU,
    "leaky_relu": torch.nn.LeakyReLU,
    "sigmoid": torch.nn.Sigmoid,
    "tanh": torch.nn.Tanh,
}
"""PyTorch's own modules: the networks are those that anyone would write."""

LOW = -4.0
"""A bias at the start with which hardly a unit fires."""

REACHED = 0.3
"""The loss at which a run counts as having learnt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A training.

    Args:
        model: what came of it.
        steps: how many steps the loss on a batch took to fall below 0.3 for good; the number of all steps where
            it never did.
        accuracy: on digits that it was not trained on.
    """

    model: Any
    steps: int
    accuracy: float


@cache
def digits() -> tuple[torch.Tensor, torch.Tensor]:
    """Return 540 images, standardised as a whole, shape (540, 64), and their labels."""
    data = np.load(demonstration.data_path())
    images = torch.from_numpy(data["images"].astype(np.float32))
    return (images - images.mean()) / images.std(), torch.from_numpy(data["labels"].astype(np.int64))


@cache
def train(name: str, *, rate: float, seed: int = 0, slope: float | None = None, bias: float = 0.0) -> Run:
    """Train a network of 64-64-64-10 units by SGD for 300 steps, on 400 of the digits.

    Args:
        name: of the function.
        rate: the learning rate.
        seed: of the weights and batches.
        slope: its negative slope, where it has one.
        bias: of every hidden unit at the start.
    """
    torch.manual_seed(seed)
    images, labels = digits()
    f = nonlin.function(name) if slope is None else nonlin.function(name, negative_slope=slope)
    model = network(f, (64, 64, 64, 10), bias=bias)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    losses = []
    for _ in range(STEPS):
        rows = torch.randint(TRAINED, (BATCH,))
        loss = torch.nn.functional.cross_entropy(model(images[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    with torch.no_grad():
        right = (model(images[TRAINED:]).argmax(1) == labels[TRAINED:]).float().mean()
    late = [i for i, loss in enumerate(losses) if not loss < REACHED]
    return Run(model=model, steps=late[-1] + 1 if late else 0, accuracy=float(right))


RATES = (0.03, 0.1, 0.3, 1.0)


@cache
def best_steps(name: str) -> float:
    """Return the steps to a loss below 0.3 at the best of four learning rates, the median of three seeds."""
    return min(float(np.median([train(name, rate=r, seed=seed).steps for seed in range(3)])) for r in RATES)


def network(f: nonlin.Function, widths: tuple[int, ...], *, bias: float = 0.0) -> torch.nn.Sequential:
    """Return a perceptron, its weights with the gain of the function."""
    layers: list[torch.nn.Module] = []
    for inputs, units in pairwise(widths):
        layers += [torch.nn.Linear(inputs, units), MODULES[f.name](*f.parameters.values())]
    model = torch.nn.Sequential(*layers[:-1])
    for layer in model[::2]:
        torch.nn.init.normal_(layer.weight, std=nonlin.gain(f) / layer.in_features**0.5)
        torch.nn.init.constant_(layer.bias, bias)
    return model


@cache
def deep(name: str, *, own: bool, depth: int = 30, width: int = 128) -> float:
    """Return log10 of the gradient at the first call over that at the last of an untrained network, measured.

    Args:
        name: of the function.
        own: whether the weights have the function's own gain; else they are as PyTorch draws them.
        depth: hidden layers.
        width: units of each.
    """
    torch.manual_seed(0)
    f = nonlin.function(name)
    if own:
        model: Any = network(f, (width,) * (depth + 1) + (10,))
    else:
        layers = [part for _ in range(depth) for part in (torch.nn.Linear(width, width), MODULES[name]())]
        model = torch.nn.Sequential(*layers, torch.nn.Linear(width, 10))
    calls = nonlin.inspect(model.double(), torch.randn(256, width, dtype=torch.float64)).calls
    return float(np.log10(calls[0].gradient / calls[-1].gradient))
