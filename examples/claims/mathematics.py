"""The claims of "The mathematics of ReLU"."""

import zlib

import numpy as np
import torch
from claim import Claim, judged
from trained import LOW, best_steps, digits, train

import nonlin

__all__ = ["TITLE", "claims"]

TITLE = "The mathematics of ReLU"


def claims() -> list[Claim]:
    """Settle them."""
    found = [nonlinear(), monotone(), differentiable(), discontinuous(), derivative(), binary()]
    return [*found, numpy_form(), output(), speed(), gradients(), compresses(), choice()]


def nonlinear() -> Claim:
    """Judge ReLU."""
    found = nonlin.linearity("relu")
    holds = found.verdict not in ("linear", "affine")
    return Claim(
        said="ReLU is not linear.",
        settled='`nonlin.linearity("relu")`',
        found=f"{found.verdict}, {found.status}",
        verdict=judged(holds=holds, fails=not holds),
    )


def monotone() -> Claim:
    """Ask whether ReLU is monotone."""
    p = nonlin.function("relu").properties.monotone
    holds = p.value == "increasing"
    return Claim(
        said="ReLU is monotone.",
        settled="`f.properties.monotone`",
        found=f"{p.value}, {p.status}; not strictly: it is level below 0",
        verdict=judged(holds=holds, fails=not holds),
    )


def differentiable() -> Claim:
    """Ask for ReLU's kinks."""
    p = nonlin.function("relu").properties.kinks
    holds = p.value == (0.0,)
    return Claim(
        said="ReLU is differentiable everywhere but at 0.",
        settled="`f.properties.kinks`",
        found=f"kinks: {', '.join(f'{kink:g}' for kink in p.value or ())}, {p.status}",
        verdict=judged(holds=holds, fails=not holds),
    )


def discontinuous() -> Claim:
    """Look for a jump."""
    f = nonlin.function("relu")
    p, tiny = f.properties, 2.0**-1074
    jump = abs(f(tiny) - f(-tiny))
    continuous = (p.smoothness.value or -1) >= 0 or p.smoothness.value == 0
    return Claim(
        said="ReLU is discontinuous at 0.",
        settled="`f.properties.smoothness` and `.lipschitz`: abs(f(x) − f(y)) ≤ 1·abs(x − y); the values next to 0 in float64",
        found=f"C⁰: {'continuous' if continuous else 'it jumps'}, {p.smoothness.status}; Lipschitz constant "
        f"{p.lipschitz.value:g}, {p.lipschitz.status}; f changes by {jump:.1g} there",
        verdict=judged(holds=not continuous, fails=continuous),
        on="the function is continuous; its derivative jumps",
        when="false",
    )


def derivative() -> Claim:
    """Take the difference quotients on both sides, and PyTorch's convention."""
    f = nonlin.function("relu")
    right, left = (abs(f(h) / h) for h in (2.0**-40, -(2.0**-40)))
    x = torch.zeros((), requires_grad=True)
    torch.relu(x).backward()
    convention = float(x.grad)
    return Claim(
        said="ReLU's derivative at 0 is 1.",
        settled="difference quotients from both sides, exact in float64; what PyTorch's autograd and `f.slope(0.0)` declare",
        found=f"from the left {left:g}, from the right {right:g}: there is none; declared by PyTorch {convention:g}, by nonlin "
        f"{f.slope(0.0):g}",
        verdict=judged(holds=left == right == 1, fails=left != right or convention != 1),
        on="any number from 0 to 1 is a subgradient, and the usual choice is 0",
        when="false",
    )


def binary() -> Claim:
    """Ask for the slopes of ReLU's pieces."""
    slopes = sorted(piece.slope for piece in nonlin.function("relu").pieces or ())
    holds = slopes == [0, 1]
    return Claim(
        said="ReLU's gradient is 0 or 1.",
        settled="`f.pieces`, in exact arithmetic",
        found=f"slopes {' and '.join(f'{slope:g}' for slope in slopes)}",
        verdict=judged(holds=holds, fails=not holds),
    )


def numpy_form() -> Claim:
    """Compare np.maximum(0, x) with ReLU on special and random numbers."""
    x = np.concatenate(
        [np.random.default_rng(0).normal(size=10_000), [0.0, -0.0, np.inf, -np.inf, np.nan, 1e308, -5e-324]]
    )
    same = np.array_equal(np.maximum(0, x), nonlin.function("relu")(x), equal_nan=True)
    return Claim(
        said="np.maximum(0, x) is ReLU.",
        settled=f'against `nonlin.function("relu")` on {len(x):,} numbers, ±0, ±∞, NaN and subnormal ones among them',
        found="equal to the last bit" if same else "they differ",
        verdict=judged(holds=same, fails=not same),
    )


def output() -> Claim:
    """Count the bounded functions of the catalogue."""
    functions = [f for f in nonlin.functions() if not f.vector]
    bounded = [f for f in functions if f.properties.bounded.value]
    proved = all(f.properties.bounded.status == "proved" for f in functions)
    relu = nonlin.function("relu") in bounded
    return Claim(
        said="An activation function keeps the output within a range.",
        settled=f"`f.properties.bounded` over the catalogue{', all proved' if proved else ''}",
        found=f"{len(bounded)} of {len(functions)} functions are bounded; ReLU: {'yes' if relu else 'no'}",
        verdict=judged(holds=bool(bounded), fails=len(bounded) < len(functions)),
        on="the function: sigmoid and tanh do, ReLU does below 0 only",
    )


def speed() -> Claim:
    """Compare the steps that training takes with four functions."""
    steps = {name: best_steps(name) for name in ("relu", "leaky_relu", "tanh", "sigmoid")}
    apart = max(steps.values()) > 1.5 * min(steps.values())
    return Claim(
        said="The activation function decides how fast training converges.",
        settled="digits, weights with each function's gain, SGD with the best of four rates, three seeds: steps to a loss below 0.3",
        found=", ".join(f"{name} {count:.0f}" for name, count in steps.items()),
        verdict=judged(holds=apart, fails=not apart),
        repeats=False,
    )


def gradients() -> Claim:
    """Compare what one layer does to the gradient."""
    rows = {name: nonlin.function(name).moments().chi1 for name in ("relu", "sigmoid", "tanh")}
    holds = abs(rows["relu"] - 1) < 1e-9 and rows["sigmoid"] < 0.5
    return Claim(
        said="ReLU passes gradients on better than sigmoid does.",
        settled="χ₁: what a wide layer with the function's own gain does to the squared gradient, `f.moments().chi1`",
        found=", ".join(f"{name} {value:.4f}" for name, value in rows.items()),
        verdict=judged(holds=holds, fails=not holds),
    )


def compresses() -> Claim:
    """Compress what two trained layers put out."""
    sizes = {}
    for name in ("relu", "tanh"):
        model = train(name, rate=0.1).model
        with torch.no_grad():
            outputs = model[:4](digits()[0]).to(torch.float16).numpy()
        sizes[name] = len(zlib.compress(outputs.tobytes(), 9)) / outputs.nbytes
    return Claim(
        said="Sparsity helps compression.",
        settled=f"the outputs of the second hidden layer on {len(digits()[0])} digits, as float16, with zlib",
        found=f"to {sizes['relu']:.0%} of their size with ReLU, to {sizes['tanh']:.0%} with tanh",
        verdict=judged(holds=sizes["relu"] < 0.8 * sizes["tanh"], fails=sizes["relu"] >= 0.8 * sizes["tanh"]),
        on="these are activations; the weights are as many as before",
        when="true",
        repeats=False,
    )


def choice() -> Claim:
    """Compare ReLU and Leaky ReLU over seeds where units do and do not die."""
    seeds, starts = range(5), (0.0, -1.5, LOW)
    gaps = {}
    for bias in starts:
        runs = [
            [train(f, rate=0.1, bias=bias, seed=s).accuracy for s in seeds] for f in ("leaky_relu", "relu")
        ]
        gaps[bias] = np.subtract(*runs)
    errors = {bias: float(gap.std(ddof=1)) / len(seeds) ** 0.5 for bias, gap in gaps.items()}
    clear = {bias: float(gap.mean()) > 2 * errors[bias] for bias, gap in gaps.items()}
    listed = "; ".join(f"{bias:g}: {gap.mean():+.1%} ± {errors[bias]:.1%}" for bias, gap in gaps.items())
    return Claim(
        said="Where neurons die, Leaky ReLU is the better choice.",
        settled="digits, hidden biases that start at 0, −1.5 and −4 (where hardly a unit fires), five seeds: accuracy with Leaky "
        "ReLU over that with ReLU, and its standard error",
        found=listed,
        verdict=judged(holds=any(clear.values()), fails=not all(clear.values())),
        on=""
        if any(clear.values())
        else "no start shows a difference of two standard errors; what kills units spoils both trainings",
        when="false",
        repeats=False,
    )
