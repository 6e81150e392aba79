"""The claims of "Why do networks use ReLU for non-linearity?"."""

import numpy as np
import torch
from claim import Claim, judged
from made import dense, random_weights
from timed import costs
from trained import best_steps, deep, digits, train

import nonlin

__all__ = ["TITLE", "claims"]

TITLE = "Why do networks use ReLU for non-linearity?"


def claims() -> list[Claim]:
    """Settle them."""
    return [stack(), constant(), faster(), sparse(), converges(), leaks(), learned(), exponential()]


def stack() -> Claim:
    """Compare three layers without activations with one."""
    weights = random_weights((2, 16, 16, 1), 0)
    network = dense(weights, None)
    (cell,) = nonlin.geometry.box(network, np.full(2, -10.0), np.full(2, 10.0)).cells
    (a, _), (b, _), (c, _) = weights
    error = float(np.abs(cell.weight - c @ b @ a).max())
    return Claim(
        said="f(f(f(x))) of layers without activation functions is W′x + b′.",
        settled="three layers; the one region that `nonlin.geometry.box` finds, its matrix against W₃W₂W₁",
        found=f"{'equal up to rounding' if error < 1e-12 else f'they differ by {error:.1g}'}",
        verdict=judged(holds=error < 1e-12, fails=error >= 1e-12),
    )


def constant() -> Claim:
    """Measure the gradient through 30 layers of ReLU."""
    own, default = deep("relu", own=True), deep("relu", own=False)
    return Claim(
        said="ReLU's constant gradient prevents vanishing gradients.",
        settled="30 layers of 128 units at initialisation, `nonlin.inspect`: the gradient at the first call over that at the last",
        found=f"10^{own:.1f} with weights of variance 2/fan-in, 10^{default:.1f} with PyTorch’s default",
        verdict=judged(holds=own > -3, fails=default < -3),
        on="the initialisation: the slope is 1 or 0, so half the gradient is lost in each layer unless the weights make up for it",
        repeats=False,
    )


def faster() -> Claim:
    """Time ReLU beside sigmoid and tanh."""
    relu, *others = costs()
    alone = [cost.accurate / relu.accurate for cost in others]
    step = [cost.step / relu.step for cost in others]
    return Claim(
        said="ReLU is far faster than sigmoid and tanh.",
        settled="`nonlin bench`: float32, one thread; the training step is of an MLP of three layers of 256, batch 256",
        found=f"alone {alone[0]:.1f} and {alone[1]:.1f} times as fast; a training step {step[0]:.2f} and {step[1]:.2f} times",
        verdict=judged(holds=min(alone) > 2, fails=max(step) < 2),
        on="where: the function alone is; a network that uses it hardly is",
        repeats=False,
    )


def sparse() -> Claim:
    """Measure the share of zeros, before and after training."""
    p = nonlin.function("relu").moments()
    torch.manual_seed(0)
    trained = nonlin.inspect(train("relu", rate=0.1).model, digits()[0]).calls
    smooth = nonlin.inspect(train("tanh", rate=0.1).model, digits()[0]).calls
    shares = ", ".join(f"{call.sparsity:.0%}" for call in trained)
    holds = (
        min(call.sparsity or 0 for call in trained) > 0.3
        and max(call.sparsity or 0 for call in smooth) < 0.01
    )
    return Claim(
        said="ReLU makes activations sparse.",
        settled="the share that is on under a centred normal distribution (`f.moments().slope_second`); a network trained on digits, "
        "`nonlin.inspect`",
        found=f"off: {1 - p.slope_second:.0%} at the start; {shares} zeros in the two trained layers; tanh: "
        f"{', '.join(f'{call.sparsity:.0%}' for call in smooth)}",
        verdict=judged(holds=holds, fails=not holds),
        repeats=False,
    )


def converges() -> Claim:
    """Compare the steps that training takes, each function at its best rate."""
    best = {name: best_steps(name) for name in ("relu", "sigmoid", "tanh")}
    wins = [best["relu"] < best[name] for name in ("sigmoid", "tanh")]
    return Claim(
        said="Networks with ReLU converge faster than with sigmoid and tanh.",
        settled="digits, weights with each function's gain, SGD with the best of four rates, three seeds: steps to a loss below 0.3",
        found=", ".join(f"{name} {steps:.0f}" for name, steps in best.items()),
        verdict=judged(holds=any(wins), fails=not all(wins)),
        on="the other function: faster than sigmoid, not than tanh" if wins == [True, False] else "",
        repeats=False,
    )


def leaks() -> Claim:
    """Ask for the smallest slopes of functions that are to keep units alive."""
    low = {name: _least_slope(name) for name in ("leaky_relu", "prelu", "elu")}
    elu = nonlin.function("elu")
    return Claim(
        said="Leaky ReLU, PReLU and ELU keep a gradient for negative inputs.",
        settled="their slopes at −1, −10 and −100; those of the pieces in exact arithmetic",
        found=f"leaky_relu {low['leaky_relu']:g} and prelu {low['prelu']:g} everywhere; elu "
        f"{elu.slope(-1.0):.2f}, {elu.slope(-10.0):.1g}, {elu.slope(-100.0):.1g}",
        verdict=judged(holds=low["leaky_relu"] > 0, fails=elu.slope(-100.0) < 1e-6),
        on="the function: those with straight pieces do; ELU saturates as sigmoid does",
    )


def _least_slope(name: str) -> float:
    pieces = nonlin.function(name).pieces
    return min(piece.slope for piece in pieces) if pieces else 0.0


def learned() -> Claim:
    """Let a PReLU learn its slope back."""
    torch.manual_seed(0)
    target, module = nonlin.function("leaky_relu", negative_slope=0.7), nonlin.function("prelu").module()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
    x = torch.randn(512)
    (before,) = (float(p.detach()) for p in module.parameters())
    for _ in range(60):
        optimizer.zero_grad()
        (module(x) - target(x)).square().mean().backward()
        optimizer.step()
    (slope,) = (float(p.detach()) for p in module.parameters())
    holds = abs(slope - 0.7) < 1e-3
    return Claim(
        said="PReLU learns its slope.",
        settled='`nonlin.function("prelu").module()` trained on a Leaky ReLU of slope 0.7',
        found=f"from {before:g} to {slope:.4f} in 60 steps",
        verdict=judged(holds=holds, fails=not holds),
    )


def exponential() -> Claim:
    """Compare ELU's mean and smoothness with ReLU's."""
    elu, relu = (nonlin.function(name) for name in ("elu", "relu"))
    means = elu.moments().mean, relu.moments().mean
    smooth = elu.properties.smoothness.value == 1
    return Claim(
        said="ELU is smooth where ReLU has a kink, and its mean is nearer to zero.",
        settled="`f.properties.smoothness` (with α = 1), `f.moments().mean`",
        found=f"ELU's slope is continuous: {'yes' if smooth else 'no'}, {elu.properties.smoothness.status}; means "
        f"{means[0]:.4f} and {means[1]:.4f}",
        verdict=judged(holds=smooth and abs(means[0]) < abs(means[1]), fails=not smooth),
    )
