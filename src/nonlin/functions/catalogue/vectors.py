"""Functions of a whole vector, along one axis (the last by default)."""

from __future__ import annotations

from nonlin.functions.entry import Entry, parameter

__all__ = ["VECTORS"]

BRIDLE = (
    "Bridle, Probabilistic interpretation of feedforward classification network outputs, with relationships "
    "to statistical pattern recognition"
)

VECTORS = (
    Entry(
        name="softmax",
        formula="exp(x_i) / sum_j exp(x_j)",
        paper=BRIDLE,
        year=1990,
        vector=True,
    ),
    Entry(
        name="log_softmax",
        formula="x_i - log(sum_j exp(x_j))",
        paper=BRIDLE,
        year=1990,
        aliases=("logsoftmax",),
        vector=True,
    ),
    Entry(
        name="softmin",
        formula="exp(-x_i) / sum_j exp(-x_j)",
        paper=BRIDLE,
        year=1990,
        vector=True,
    ),
    Entry(
        name="hardmax",
        formula="1 at the largest element, the first of equal ones, else 0",
        paper="Grossberg, Contour enhancement, short term memory, and constancies in reverberating neural networks",
        year=1973,
        aliases=("winner_take_all",),
        vector=True,
        note="ONNX's Hardmax; its slope is 0.",
    ),
    Entry(
        name="sparsemax",
        formula="the projection of x onto the probability simplex",
        paper="Martins and Astudillo, From softmax to sparsemax",
        year=2016,
        vector=True,
    ),
    Entry(
        name="entmax",
        formula="max((alpha - 1) * x_i - tau, 0) ** (1 / (alpha - 1)), tau such that the sum is 1",
        paper="Peters, Niculae and Martins, Sparse sequence-to-sequence models",
        year=2019,
        aliases=("entmax15",),
        parameters=(parameter("alpha", 1.5, low=1.0, high=10.0),),
        vector=True,
    ),
    Entry(
        name="crelu",
        formula="concatenate(relu(x), relu(-x))",
        paper=(
            "Shang, Sohn, Almeida and Lee, Understanding and improving convolutional neural networks via "
            "concatenated rectified linear units"
        ),
        year=2016,
        aliases=("concatenated_relu",),
        vector=True,
    ),
    Entry(
        name="glu",
        formula="a * sigmoid(b), with x = (a, b) cut in halves",
        paper="Dauphin, Fan, Auli and Grangier, Language modeling with gated convolutional networks",
        year=2016,
        vector=True,
    ),
    Entry(
        name="reglu",
        formula="a * relu(b), with x = (a, b) cut in halves",
        paper="Shazeer, GLU variants improve transformer",
        year=2020,
        vector=True,
    ),
    Entry(
        name="geglu",
        formula="a * gelu(b), with x = (a, b) cut in halves",
        paper="Shazeer, GLU variants improve transformer",
        year=2020,
        vector=True,
    ),
    Entry(
        name="swiglu",
        formula="a * silu(b), with x = (a, b) cut in halves",
        paper="Shazeer, GLU variants improve transformer",
        year=2020,
        vector=True,
    ),
    Entry(
        name="maxout",
        formula="the largest of each run of `pieces` elements",
        paper="Goodfellow, Warde-Farley, Mirza, Courville and Bengio, Maxout networks",
        year=2013,
        parameters=(parameter("pieces", 2.0, low=1.0),),
        vector=True,
    ),
)
