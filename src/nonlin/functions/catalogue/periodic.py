"""Functions that oscillate or are local."""

from __future__ import annotations

from nonlin.functions.entry import Entry, parameter

__all__ = ["PERIODIC"]

PERIODIC = (
    Entry(
        name="sine",
        formula="sin(omega * x)",
        paper=(
            "Sitzmann, Martel, Bergman, Lindell and Wetzstein, Implicit neural representations with "
            "periodic activation functions"
        ),
        year=2020,
        aliases=("sin", "siren"),
        parameters=(parameter("omega", 1.0),),
        note="Lapedes and Farber 1987 used it before; the paper's first layer has omega = 30.",
    ),
    Entry(
        name="cosine",
        formula="cos(x)",
        paper="Rahimi and Recht, Random features for large-scale kernel machines",
        year=2007,
        aliases=("cos",),
        note="Gallant and White 1988 used half a period of it, the cosine squasher.",
    ),
    Entry(
        name="snake",
        formula="x + sin(alpha * x)**2 / alpha",
        paper="Ziyin, Hartwig and Ueda, Neural networks fail to learn periodic functions and how to fix it",
        year=2020,
        parameters=(parameter("alpha", 1.0, low=1e-30, learnable=True),),
    ),
    Entry(
        name="gcu",
        formula="x * cos(x)",
        paper=(
            "Noel, Trivedi and Dutta, Growing cosine unit: a novel oscillatory activation function that can "
            "speedup training and reduce parameters in convolutional neural networks"
        ),
        year=2021,
        aliases=("growing_cosine_unit",),
    ),
    Entry(
        name="sinc",
        formula="sinc(x)",
        paper="Efe, Novel neuronal activation functions for feedforward neural networks",
        year=2008,
        note="sin(x)/x, 1 at 0; NumPy's sinc has a factor π inside.",
    ),
    Entry(
        name="gaussian",
        formula="gaussian(x)",
        paper="Broomhead and Lowe, Multivariable functional interpolation and adaptive networks",
        year=1988,
        aliases=("rbf",),
        note="exp(−x²)",
    ),
)
