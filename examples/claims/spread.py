"""Bias and variance of a network of one hidden layer against its width."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

__all__ = ["Spread", "bias_and_variance"]

SETS, POINTS, STEPS, NOISE = 40, 30, 2000, 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Squared bias and variance, each a mean over [−1, 1]."""

    width: int
    bias: float
    variance: float


def bias_and_variance(widths: Sequence[int]) -> list[Spread]:
    """Fit each width to every data set, all data sets at once."""
    return [_fitted(width) for width in widths]


def _target(x: torch.Tensor) -> torch.Tensor:
    return torch.sin(3 * x)


def _fitted(width: int) -> Spread:
    generator = torch.Generator().manual_seed(0)
    x = 2 * torch.rand(SETS, POINTS, 1, generator=generator) - 1
    y = _target(x) + NOISE * torch.randn(SETS, POINTS, 1, generator=generator)
    weights = [
        torch.randn(SETS, 1, width, generator=generator),
        torch.randn(SETS, 1, width, generator=generator),
        torch.randn(SETS, width, 1, generator=generator) / width**0.5,
        torch.zeros(SETS, 1, 1),
    ]
    for w in weights:
        w.requires_grad_()
    optimizer = torch.optim.Adam(weights, lr=0.01)
    for _ in range(STEPS):
        optimizer.zero_grad()
        ((_network(x, weights) - y) ** 2).mean((1, 2)).sum().backward()
        optimizer.step()
    grid = torch.linspace(-1, 1, 201)[None, :, None].expand(SETS, -1, -1)
    with torch.no_grad():
        fits = _network(grid, weights)[..., 0]
        bias = ((fits.mean(0) - _target(grid[0, :, 0])) ** 2).mean()
        return Spread(width=width, bias=float(bias), variance=float(fits.var(0).mean()))


def _network(x: torch.Tensor, weights: Sequence[torch.Tensor]) -> torch.Tensor:
    w, b, v, c = weights
    return torch.relu(x @ w + b) @ v + c
