"""Functions made of affine pieces.

The strictness of a comparison declares the slope at the kink: that of the side which owns the tie, PyTorch's.
"""

from __future__ import annotations

from nonlin.functions.entry import Entry, parameter

__all__ = ["PIECEWISE_LINEAR"]

PIECEWISE_LINEAR = (
    Entry(
        name="identity",
        formula="x",
        paper="Widrow and Hoff, Adaptive switching circuits",
        year=1960,
        aliases=("linear",),
    ),
    Entry(
        name="step",
        formula="where(x > 0, 1, where(x < 0, 0, at_zero))",
        paper="McCulloch and Pitts, A logical calculus of the ideas immanent in nervous activity",
        year=1943,
        aliases=("heaviside", "binary_step"),
        parameters=(parameter("at_zero", 0.0),),
    ),
    Entry(
        name="relu",
        formula="where(x > 0, x, 0)",
        paper="Nair and Hinton, Rectified linear units improve restricted Boltzmann machines",
        year=2010,
        fast=True,
        aliases=("rectifier", "rectified_linear"),
        note="Fukushima 1969 used it before, in a network for vision.",
    ),
    Entry(
        name="leaky_relu",
        formula="where(x > 0, x, negative_slope * x)",
        paper="Maas, Hannun and Ng, Rectifier nonlinearities improve neural network acoustic models",
        year=2013,
        fast=True,
        aliases=("leakyrelu", "lrelu"),
        parameters=(parameter("negative_slope", 0.01),),
    ),
    Entry(
        name="prelu",
        formula="where(x > 0, x, weight * x)",
        paper="He, Zhang, Ren and Sun, Delving deep into rectifiers",
        year=2015,
        fast=True,
        aliases=("parametric_relu",),
        parameters=(parameter("weight", 0.25, learnable=True),),
    ),
    Entry(
        name="rrelu",
        formula="where(x > 0, x, (lower + upper) / 2 * x)",
        paper="Xu, Wang, Chen and Li, Empirical evaluation of rectified activations in convolutional network",
        year=2015,
        aliases=("randomized_relu",),
        parameters=(parameter("lower", 1 / 8), parameter("upper", 1 / 3)),
        note=(
            "PyTorch's form at inference; in training the slope is drawn uniformly from [lower, upper]. The "
            "paper draws 1/slope from [3, 8], and takes 2/11 at inference."
        ),
    ),
    Entry(
        name="relu6",
        formula="where(x <= 0, 0, where(x < 6, x, 6))",
        paper="Krizhevsky, Convolutional deep belief networks on CIFAR-10",
        year=2010,
        fast=True,
    ),
    Entry(
        name="relun",
        formula="where(x <= 0, 0, where(x < n, x, n))",
        paper="Krizhevsky, Convolutional deep belief networks on CIFAR-10",
        year=2010,
        fast=True,
        aliases=("relu_n", "clipped_relu", "bounded_relu"),
        parameters=(parameter("n", 1.0, low=1e-30),),
    ),
    Entry(
        name="threshold",
        formula="where(x > threshold, x, value)",
        paper="Collobert, Kavukcuoglu and Farabet, Torch7: a Matlab-like environment for machine learning",
        year=2011,
        parameters=(parameter("threshold", 0.0), parameter("value", 0.0)),
    ),
    Entry(
        name="thresholded_relu",
        formula="where(x > alpha, x, 0)",
        paper="Konda, Memisevic and Krueger, Zero-bias autoencoders and the benefits of co-adapting features",
        year=2014,
        aliases=("thresholdedrelu",),
        parameters=(parameter("alpha", 1.0),),
    ),
    Entry(
        name="srelu",
        formula=(
            "where(x <= left, left + left_slope * (x - left), where(x < right, x, right + right_slope "
            "* (x - right)))"
        ),
        paper=(
            "Jin, Xu, Feng, Wei, Xiong and Yan, Deep learning with S-shaped rectified linear activation units"
        ),
        year=2015,
        aliases=("s_shaped_relu",),
        parameters=(
            parameter("left", -1.0, learnable=True),
            parameter("left_slope", 0.2, learnable=True),
            parameter("right", 1.0, learnable=True),
            parameter("right_slope", 0.2, learnable=True),
        ),
        ordered=("left", "right"),
        note="The paper has no defaults: it trains as a leaky ReLU first, and then starts from the data.",
    ),
    Entry(
        name="apl",
        formula="where(x > 0, x, 0) + where(x < b1, a1 * (b1 - x), 0) + where(x < b2, a2 * (b2 - x), 0)",
        paper=(
            "Agostinelli, Hoffman, Sadowski and Baldi, Learning activation functions to improve deep "
            "neural networks"
        ),
        year=2014,
        aliases=("adaptive_piecewise_linear",),
        parameters=(
            parameter("a1", 0.2, learnable=True),
            parameter("a2", 0.1, learnable=True),
            parameter("b1", 1.0, learnable=True),
            parameter("b2", -1.0, learnable=True),
        ),
        note="With two hinges; the paper leaves their number open and starts them at random.",
    ),
    Entry(
        name="hardtanh",
        formula="where(x <= min_val, min_val, where(x < max_val, x, max_val))",
        paper="Collobert, Large scale machine learning",
        year=2004,
        fast=True,
        aliases=("hard_tanh", "htanh"),
        parameters=(parameter("min_val", -1.0), parameter("max_val", 1.0)),
        ordered=("min_val", "max_val"),
    ),
    Entry(
        name="hardsigmoid",
        formula="where(x <= -3, 0, where(x < 3, (x + 3) / 6, 1))",
        paper=(
            "Courbariaux, Bengio and David, BinaryConnect; this slope: Howard et al., Searching for "
            "MobileNetV3"
        ),
        year=2015,
        fast=True,
        aliases=("hard_sigmoid",),
        note="PyTorch's and Keras's slope of 1/6; for ONNX's, see hardsigmoid_affine.",
    ),
    Entry(
        name="hardsigmoid_affine",
        formula="clip(alpha * x + beta, 0, 1)",
        paper="Courbariaux, Bengio and David, BinaryConnect",
        year=2015,
        aliases=("hardsigmoid_onnx",),
        parameters=(parameter("alpha", 0.2), parameter("beta", 0.5)),
        note="ONNX's HardSigmoid and defaults; with alpha = 0.5 it is the paper's.",
    ),
    Entry(
        name="hardshrink",
        formula="where(x > lambd, x, where(x < -lambd, x, 0))",
        paper="Donoho and Johnstone, Ideal spatial adaptation by wavelet shrinkage",
        year=1994,
        aliases=("hard_shrink", "hard_threshold"),
        parameters=(parameter("lambd", 0.5, low=0.0),),
    ),
    Entry(
        name="softshrink",
        formula="where(x > lambd, x - lambd, where(x < -lambd, x + lambd, 0))",
        paper="Donoho, De-noising by soft-thresholding",
        year=1995,
        aliases=("soft_shrink", "soft_threshold"),
        parameters=(parameter("lambd", 0.5, low=0.0),),
    ),
    Entry(
        name="shrink",
        formula="where(x > lambd, x - bias, where(x < -lambd, x + bias, 0))",
        paper="Donoho, De-noising by soft-thresholding",
        year=1995,
        parameters=(parameter("bias", 0.0), parameter("lambd", 0.5, low=0.0)),
        note="ONNX's Shrink: hardshrink with bias 0, softshrink with bias = lambd.",
    ),
    Entry(
        name="abs",
        formula="abs(x)",
        paper=(
            "Jarrett, Kavukcuoglu, Ranzato and LeCun, What is the best multi-stage architecture for "
            "object recognition?"
        ),
        year=2009,
        fast=True,
        aliases=("absolute", "rectification"),
        note="The slope at 0 is declared 0, as in PyTorch.",
    ),
)
