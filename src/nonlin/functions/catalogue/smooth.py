"""Smooth functions in the manner of the rectifier, and others that are not bounded."""

from __future__ import annotations

from nonlin.functions.entry import Entry, parameter

__all__ = ["SMOOTH"]

SMOOTH = (
    Entry(
        name="silu",
        formula="x * sigmoid(x)",
        paper=(
            "Elfwing, Uchibe and Doya, Sigmoid-weighted linear units for neural network function "
            "approximation in reinforcement learning"
        ),
        year=2017,
        fast=True,
        aliases=("swish", "sil", "swish1", "swish_1"),
        note="Hendrycks and Gimpel 2016 named it SiLU; swish without a beta means it.",
    ),
    Entry(
        name="swish",
        formula="x * sigmoid(beta * x)",
        paper="Ramachandran, Zoph and Le, Searching for activation functions",
        year=2017,
        fast=True,
        parameters=(parameter("beta", 1.0, learnable=True),),
    ),
    Entry(
        name="gelu",
        formula="x * normal_cdf(x)",
        paper="Hendrycks and Gimpel, Gaussian error linear units",
        year=2016,
        fast=True,
    ),
    Entry(
        name="gelu_tanh",
        # (1 + tanh(u))/2 = sigmoid(2u), without the cancellation on the left
        formula="x * sigmoid(1.5957691216057308 * x * (1 + 0.044715 * x**2))",
        paper="Hendrycks and Gimpel, Gaussian error linear units",
        year=2016,
        aliases=("gelu_new", "gelu_pytorch_tanh", "gelu_approximate"),
    ),
    Entry(
        name="quick_gelu",
        formula="x * sigmoid(1.702 * x)",
        paper="Hendrycks and Gimpel, Gaussian error linear units",
        year=2016,
        aliases=("gelu_quick", "gelu_sigmoid"),
    ),
    Entry(
        name="softplus",
        formula="softplus(beta * x) / beta",
        paper=(
            "Dugas, Bengio, Bélisle, Nadeau and Garcia, Incorporating second-order functional knowledge for "
            "better option pricing"
        ),
        year=2000,
        fast=True,
        aliases=("soft_plus", "smooth_relu"),
        parameters=(parameter("beta", 1.0, low=1e-30),),
        note="Exact everywhere: there is no threshold beyond which it becomes the identity.",
    ),
    Entry(
        name="squareplus",
        # (x + √(x² + b))/2, which cancels on the left
        formula=(
            "where(x < 0, b / 2 / (sqrt(b) * hypot1(x / sqrt(b)) - x), "
            "x / 2 + sqrt(b) / 2 * hypot1(x / sqrt(b)))"
        ),
        paper="Barron, Squareplus: a softplus-like algebraic rectifier",
        year=2021,
        parameters=(parameter("b", 4.0, low=1e-30),),
    ),
    Entry(
        name="mish",
        formula="x * tanh_softplus(x)",
        paper="Misra, Mish: a self regularized non-monotonic activation function",
        year=2019,
        fast=True,
    ),
    Entry(
        name="tanhexp",
        formula="x * tanh_exp(x)",
        paper=(
            "Liu and Di, TanhExp: a smooth activation function with high convergence speed for lightweight "
            "neural networks"
        ),
        year=2020,
    ),
    Entry(
        name="telu",
        formula="tanhexp(x)",
        paper=(
            "Fernandez and Mali, Stable and robust deep learning by hyperbolic tangent exponential linear "
            "unit (TeLU)"
        ),
        year=2024,
        note="The same function as tanhexp, published again.",
    ),
    Entry(
        name="serf",
        formula="x * erf(softplus(x))",
        paper=(
            "Nag, Bhattacharyya, Mukherjee and Kundu, SERF: towards better training of deep neural networks "
            "using log-softplus error activation function"
        ),
        year=2021,
    ),
    Entry(
        name="smish",
        # tanh(log(1 + s)) = n/(n + 2) with n = s(s + 2)
        formula=("x * (sigmoid(x) * (sigmoid(x) + 2) / (sigmoid(x) * (sigmoid(x) + 2) + 2))"),
        paper="Wang, Ren and Wang, Smish: a novel activation function for deep learning methods",
        year=2022,
    ),
    Entry(
        name="logish",
        formula="x * log1p(sigmoid(x))",
        paper=(
            "Zhu, Zeng, Liu and Zhang, Logish: a new nonlinear nonmonotonic activation function for "
            "convolutional neural network"
        ),
        year=2021,
    ),
    Entry(
        name="phish",
        formula="x * tanh(gelu(x))",
        paper="Naveen, Phish: a novel hyper-optimizable activation function",
        year=2022,
    ),
    Entry(
        name="lisht",
        formula="x * tanh(x)",
        paper=(
            "Roy, Manna, Dubey and Chaudhuri, LiSHT: non-parametric linearly scaled hyperbolic tangent "
            "activation function for neural networks"
        ),
        year=2019,
    ),
    Entry(
        name="bent_identity",
        # the textbook form (√(x² + 1) − 1)/2 + x cancels at 0
        formula="x * (1 + x / (2 * (hypot1(x) + 1)))",
        paper="folklore, from Wikipedia's list of activation functions",
        year=2015,
    ),
    Entry(
        name="tanhshrink",
        formula="tanhshrink(x)",
        paper="Kavukcuoglu, TanhShrink, as in Torch7's nn package",
        year=2013,
        aliases=("tanh_shrink",),
    ),
    Entry(
        name="logsigmoid",
        formula="-softplus(-x)",
        paper="Collobert, Kavukcuoglu and Farabet, Torch7: a Matlab-like environment for machine learning",
        year=2011,
        fast=True,
        aliases=("log_sigmoid",),
    ),
    Entry(
        name="rational",
        formula="(a0 + x * (a1 + x * (a2 + x * a3))) / (b0 + x * (b1 + x * b2))",
        paper="Boullé, Nakatsukasa and Townsend, Rational neural networks",
        year=2020,
        aliases=("pade",),
        parameters=(
            parameter("a0", 0.0218, learnable=True),
            parameter("a1", 0.5, learnable=True),
            parameter("a2", 1.5957, learnable=True),
            parameter("a3", 1.1915, learnable=True),
            parameter("b0", 1.0, learnable=True),
            parameter("b1", 0.0, learnable=True),
            parameter("b2", 2.383, learnable=True),
        ),
        note=(
            "The paper's start, the best of its type to ReLU on [-1, 1]; the denominator must have no "
            "real root. Molina, Schramowski and Kersting 2019 had Padé units of other degrees."
        ),
    ),
)
