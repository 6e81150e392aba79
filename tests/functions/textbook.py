"""The formulas as the literature writes them, for mpmath: an oracle written apart from the catalogue."""

from mpmath import atan, cos, e, erf, exp, expm1, log, mpf, ncdf, pi, sin, sqrt, tanh

ALPHA = mpf("1.6732632423543772848170429916717")
SCALE = mpf("1.0507009873554804934193349852946")


def sigmoid(x):
    return 1 / (1 + exp(-x))


def softplus(x):
    return log(1 + exp(x))


def relu(x):
    return max(x, 0)


def clip(x, low, high):
    return min(max(x, low), high)


def double(value):
    """Return what float64 holds: the catalogue's default of a parameter is a float64."""
    return mpf(float(value))


TEXTBOOK = {
    "identity": lambda x: x,
    "step": lambda x: mpf(x > 0),
    "relu": relu,
    "leaky_relu": lambda x: x if x > 0 else double(0.01) * x,
    "prelu": lambda x: x if x > 0 else x / 4,
    "rrelu": lambda x: x if x > 0 else x * (mpf(1) / 8 + double(1 / 3)) / 2,
    "relu6": lambda x: clip(x, 0, 6),
    "relun": lambda x: clip(x, 0, 1),
    "threshold": relu,
    "thresholded_relu": lambda x: x if x > 1 else mpf(0),
    "srelu": lambda x: 1 + double(0.2) * (x - 1) if x >= 1 else (x if x > -1 else -1 + double(0.2) * (x + 1)),
    "apl": lambda x: relu(x) + double(0.2) * relu(1 - x) + double(0.1) * relu(-x - 1),
    "hardtanh": lambda x: clip(x, -1, 1),
    "hardsigmoid": lambda x: clip(x / 6 + mpf(1) / 2, 0, 1),
    "hardsigmoid_affine": lambda x: clip(double(0.2) * x + mpf(1) / 2, 0, 1),
    "hardshrink": lambda x: x if abs(x) > 0.5 else mpf(0),
    "softshrink": lambda x: relu(x - 0.5) - relu(-x - 0.5),
    "shrink": lambda x: x if abs(x) > 0.5 else mpf(0),
    "abs": abs,
    "relu2": lambda x: relu(x) ** 2,
    "elu": lambda x: x if x > 0 else exp(x) - 1,
    "selu": lambda x: SCALE * (x if x > 0 else ALPHA * (exp(x) - 1)),
    "celu": lambda x: x if x > 0 else exp(x) - 1,
    "hardswish": lambda x: x * clip(x + 3, 0, 6) / 6,
    "hardmish": lambda x: x * clip(x + 2, 0, 2) / 2,
    "isrlu": lambda x: x if x >= 0 else x / sqrt(1 + x**2),
    "elish": lambda x: x / (1 + exp(-x)) if x >= 0 else (exp(x) - 1) / (1 + exp(-x)),
    "sqnl": lambda x: mpf(1) if x > 2 else mpf(-1) if x < -2 else x - x**2 / 4 if x >= 0 else x + x**2 / 4,
    "penalized_tanh": lambda x: tanh(x) if x > 0 else tanh(x) / 4,
    "silu": lambda x: x * sigmoid(x),
    "swish": lambda x: x * sigmoid(x),
    "gelu": lambda x: x * ncdf(x),
    "gelu_tanh": lambda x: x / 2 * (1 + tanh(sqrt(2 / pi) * (x + mpf("0.044715") * x**3))),
    "quick_gelu": lambda x: x * sigmoid(mpf("1.702") * x),
    "softplus": softplus,
    "squareplus": lambda x: (x + sqrt(x**2 + 4)) / 2,
    "mish": lambda x: x * tanh(softplus(x)),
    "tanhexp": lambda x: x * tanh(exp(x)),
    "telu": lambda x: x * tanh(e**x),
    "serf": lambda x: x * erf(softplus(x)),
    "smish": lambda x: x * tanh(log(1 + sigmoid(x))),
    "logish": lambda x: x * log(1 + sigmoid(x)),
    "phish": lambda x: x * tanh(x * ncdf(x)),
    "lisht": lambda x: x * tanh(x),
    "bent_identity": lambda x: (sqrt(x**2 + 1) - 1) / 2 + x,
    "tanhshrink": lambda x: x - tanh(x),
    "logsigmoid": lambda x: log(sigmoid(x)),
    "rational": lambda x: (
        (double(1.1915) * x**3 + double(1.5957) * x**2 + x / 2 + double(0.0218)) / (double(2.383) * x**2 + 1)
    ),
    "sigmoid": sigmoid,
    "tanh": lambda x: expm1(2 * x) / (exp(2 * x) + 1),
    "scaled_tanh": lambda x: double(1.7159) * tanh(double(2 / 3) * x),
    "softsign": lambda x: x / (1 + abs(x)),
    "isru": lambda x: x / sqrt(1 + x**2),
    "softclip": lambda x: log((1 + exp(x)) / (1 + exp(x - 1))),
    "arctan": atan,
    "erf": erf,
    "sine": sin,
    "cosine": cos,
    "snake": lambda x: x + sin(x) ** 2,
    "gcu": lambda x: x * cos(x),
    "sinc": lambda x: sin(x) / x,
    "gaussian": lambda x: exp(-(x**2)),
}
"""Every scalar function of the catalogue with its default parameters."""
