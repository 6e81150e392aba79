"""Curved functions that are switched off, or level off, on the left and grow on the right, made of pieces."""

from __future__ import annotations

from nonlin.functions.entry import Entry, parameter

__all__ = ["RECTIFIERS"]

RECTIFIERS = (
    Entry(
        name="relu2",
        formula="where(x > 0, x**2, 0)",
        paper=(
            "So, Mańke, Liu, Dai, Shazeer and Le, Primer: searching for efficient transformers for "
            "language modeling"
        ),
        year=2021,
        aliases=("relu_squared", "squared_relu", "relu²"),
    ),
    Entry(
        name="elu",
        formula="where(x > 0, x, alpha * expm1(x))",
        paper=(
            "Clevert, Unterthiner and Hochreiter, Fast and accurate deep network learning by "
            "exponential linear units"
        ),
        year=2015,
        fast=True,
        parameters=(parameter("alpha", 1.0),),
    ),
    Entry(
        name="selu",
        formula="where(x > 0, scale * x, scale * alpha * expm1(x))",
        paper="Klambauer, Unterthiner, Mayr and Hochreiter, Self-normalizing neural networks",
        year=2017,
        fast=True,
        parameters=(
            parameter("alpha", 1.6732632423543772),
            parameter("scale", 1.0507009873554805),
        ),
    ),
    Entry(
        name="celu",
        formula="where(x > 0, x, alpha * expm1(x / alpha))",
        paper="Barron, Continuously differentiable exponential linear units",
        year=2017,
        fast=True,
        parameters=(parameter("alpha", 1.0, low=1e-30),),
    ),
    Entry(
        name="hardswish",
        formula="where(x <= -3, 0, where(x < 3, x * (x + 3) / 6, x))",
        paper="Howard et al., Searching for MobileNetV3",
        year=2019,
        aliases=("hard_swish", "hardsilu", "hard_silu"),
        fast=True,
    ),
    Entry(
        name="hardmish",
        formula="where(x <= -2, 0, where(x < 0, x * (x + 2) / 2, x))",
        paper="Misra, H-Mish, as in the timm library",
        year=2020,
        aliases=("hard_mish",),
    ),
    Entry(
        name="isrlu",
        formula="where(x >= 0, x, isru(sqrt(alpha) * x) / sqrt(alpha))",
        paper=(
            "Carlile, Delamarter, Kinney, Marti and Whitney, Improving deep learning by inverse square "
            "root linear units"
        ),
        year=2017,
        parameters=(parameter("alpha", 1.0, low=1e-30),),
    ),
    Entry(
        name="elish",
        formula="where(x >= 0, x * sigmoid(x), expm1(x) * sigmoid(x))",
        paper="Basirat and Roth, The quest for the golden activation function",
        year=2018,
    ),
    Entry(
        name="sqnl",
        formula="where(x < -2, -1, where(x < 0, x + x**2 / 4, where(x <= 2, x - x**2 / 4, 1)))",
        paper="Wuraola and Patel, SQNL: a new computationally efficient activation function",
        year=2018,
        aliases=("square_nonlinearity",),
    ),
    Entry(
        name="penalized_tanh",
        formula="where(x > 0, tanh(x), a * tanh(x))",
        paper="Xu, Huang and Li, Revise saturated activation functions",
        year=2016,
        parameters=(parameter("a", 0.25),),
    ),
)
