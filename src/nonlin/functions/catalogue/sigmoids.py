"""Smooth functions that saturate on both sides."""

from __future__ import annotations

from nonlin.functions.entry import Entry, parameter

__all__ = ["SIGMOIDS"]

SIGMOIDS = (
    Entry(
        name="sigmoid",
        formula="sigmoid(x)",
        paper="Rumelhart, Hinton and Williams, Learning representations by back-propagating errors",
        year=1986,
        fast=True,
        aliases=("logistic", "expit"),
        note="Wilson and Cowan 1972 had it before, for populations of neurons.",
    ),
    Entry(
        name="tanh",
        formula="tanh(x)",
        paper="LeCun, Bottou, Orr and Müller, Efficient backprop",
        year=1998,
        fast=True,
        aliases=("hyperbolic_tangent",),
    ),
    Entry(
        name="scaled_tanh",
        formula="alpha * tanh(beta * x)",
        paper="LeCun, Bottou, Orr and Müller, Efficient backprop",
        year=1998,
        aliases=("lecun_tanh",),
        parameters=(parameter("alpha", 1.7159), parameter("beta", 2 / 3)),
        note="LeCun 1989, Generalization and network design strategies, had it before.",
    ),
    Entry(
        name="softsign",
        formula="where(x < 0, x / (1 - x), x / (1 + x))",
        paper="Bergstra, Desjardins, Lamblin and Bengio, Quadratic polynomials learn better image features",
        year=2009,
        aliases=("soft_sign",),
        note="Elliott 1993 had it before, as a better activation function.",
    ),
    Entry(
        name="isru",
        formula="isru(sqrt(alpha) * x) / sqrt(alpha)",
        paper=(
            "Carlile, Delamarter, Kinney, Marti and Whitney, Improving deep learning by inverse square "
            "root linear units"
        ),
        year=2017,
        parameters=(parameter("alpha", 1.0, low=1e-30),),
    ),
    Entry(
        name="softclip",
        # the textbook log((1 + e^{αx})/(1 + e^{α(x−1)}))/α cancels on the right
        formula="log1p(expm1(alpha) * sigmoid(alpha * (x - 1))) / alpha",
        paper="Klimek and Perelstein, Neural network-based approach to phase space integration",
        year=2018,
        aliases=("soft_clip", "soft_clipping"),
        parameters=(parameter("alpha", 1.0, low=1e-6, high=500.0),),
    ),
    Entry(
        name="arctan",
        formula="atan(x)",
        paper="Kamruzzaman and Aziz, A note on activation function in multilayer feedforward learning",
        year=2002,
        aliases=("atan",),
    ),
    Entry(
        name="erf",
        formula="erf(x)",
        paper="Williams, Computing with infinite networks",
        year=1996,
    ),
)
