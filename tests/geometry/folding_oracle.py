"""The pieces of a network on a line, by brute force in rational numbers: slow, and written to be seen to be right.

On an interval every entry of every tensor is α + β t. The network is run on such pairs; at the first entry that folds
strictly inside the interval, the interval is cut there, and both parts start again from the input.
"""

import itertools
from fractions import Fraction

import numpy as np

from nonlin.networks.activation import Activation, ParametricRelu
from nonlin.networks.affine import Dense, Elementwise, Reduce, Sum
from nonlin.networks.shape import Concatenate, Reshape
from nonlin.networks.window import AveragePool, Convolution, MaxPool

# kinks; then, for the pieces from left to right and for a rest on each kink, the value at u
SHAPES = {
    "relu": ((0,), (lambda u: 0 * u, lambda u: u), (0,)),
    "abs": ((0,), (lambda u: -u, lambda u: u), (0,)),
    "relu6": ((0, 6), (lambda u: 0 * u, lambda u: u, lambda u: 0 * u + 6), (0, 6)),
    "hardtanh": ((-1, 1), (lambda u: 0 * u - 1, lambda u: u, lambda u: 0 * u + 1), (-1, 1)),
    "hardsigmoid": ((-3, 3), (lambda u: 0 * u, lambda u: (u + 3) / 6, lambda u: 0 * u + 1), (0, 1)),
    "step": ((0,), (lambda u: 0 * u, lambda u: 0 * u + 1), (0,)),
    "half-step": ((0,), (lambda u: 0 * u, lambda u: 0 * u + 1), (Fraction(1, 2),)),
    "hardshrink": ((-1, 1), (lambda u: u, lambda u: 0 * u, lambda u: u), (0, 0)),
    "thresholded_relu": ((1,), (lambda u: 0 * u, lambda u: u), (0,)),
    "identity": ((), (lambda u: u,), ()),
}


class Cut(Exception):  # noqa: N818 - not an error: a message to the caller
    """The interval folds here."""


class Affine:
    """α + β t."""

    __slots__ = ("at_zero", "slope")

    def __init__(self, at_zero, slope=0):
        self.at_zero, self.slope = Fraction(at_zero), Fraction(slope)

    def __add__(self, other):
        other = other if isinstance(other, Affine) else Affine(other)
        return Affine(self.at_zero + other.at_zero, self.slope + other.slope)

    __radd__ = __add__

    def __mul__(self, number):
        return Affine(self.at_zero * number, self.slope * number)

    __rmul__ = __mul__

    def __truediv__(self, number):
        return self * Fraction(1, number)

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + (-other if isinstance(other, Affine) else -Fraction(other))

    def at(self, t):
        return self.at_zero + self.slope * t


def pieces(network, a, b):
    """Return (low, high, outputs as Affine) of every piece."""
    start = np.empty(np.shape(a), object)
    for index in np.ndindex(*np.shape(a)):
        low, high = Fraction(float(a[index])), Fraction(float(b[index]))
        start[index] = Affine(low, high - low)
    waiting, done = [(Fraction(0), Fraction(1))], []
    while waiting:
        low, high = waiting.pop()
        try:
            done.append((low, high, run(network, start, low, high)))
        except Cut as cut:
            (t,) = cut.args
            waiting += [(t, high), (low, t)]
    return done


def run(network, start, low, high):
    values = {network.inputs[0].name: start}
    for node in network.nodes:
        inputs = [values[name] for name in node.inputs]
        values[node.output] = RULES[type(node.operator)](node.operator, *inputs, low=low, high=high)
    return values[network.outputs[0].name]


def bent(u, shape, low, high):
    kinks, parts, at_kinks = shape
    for kink, at_kink in zip(kinks, at_kinks, strict=True):
        if u.slope == 0 and u.at_zero == kink:
            return Affine(at_kink)
        if u.slope != 0 and low < (t := (kink - u.at_zero) / u.slope) < high:
            raise Cut(t)
    middle = u.at((low + high) / 2)
    return parts[sum(kink < middle for kink in kinks)](u)


def each(function, x):
    out = np.empty(x.shape, object)
    for index in np.ndindex(*x.shape):
        out[index] = function(x[index], index)
    return out


def activation(operator, x, *, low, high):
    name, parameters = operator.function.name, dict(operator.function.parameters)
    if name in ("leaky_relu", "prelu"):
        return each(lambda u, _: bent(u, leaky(next(iter(parameters.values()))), low, high), x)
    if name == "step" and parameters["at_zero"]:
        name = "half-step"
        assert parameters["at_zero"] == 0.5
    elif name == "hardshrink":
        assert parameters["lambd"] == 1
    return each(lambda u, _: bent(u, SHAPES[name], low, high), x)


def leaky(slope):
    if slope == 1:
        return SHAPES["identity"]
    return (0,), (lambda u: u * Fraction(float(slope)), lambda u: u), (0,)


def parametric(operator, x, *, low, high):
    slopes = np.broadcast_to(operator.slopes, (1, *x.shape))[0]
    return each(lambda u, index: bent(u, leaky(slopes[index]), low, high), x)


def exact(array):
    return np.vectorize(lambda v: Fraction(float(v)), otypes=[object])(np.asarray(array, np.float64))


def dense(operator, x, **_):
    weight = exact(operator.weight)
    rows = [sum((w * u for w, u in zip(row, x, strict=True)), Affine(0)) for row in weight]
    bias = [0] * len(rows) if operator.bias is None else exact(operator.bias)
    return np.array([row + shift for row, shift in zip(rows, bias, strict=True)], object)


def elementwise(operator, x, **_):
    scale = np.broadcast_to(exact(operator.scale), (1, *x.shape))[0]
    shift = np.broadcast_to(exact(operator.shift), (1, *x.shape))[0]
    return each(lambda u, index: u * scale[index] + shift[index], x)


def summed(operator, *inputs, **_):
    return each(
        lambda _, index: sum(
            (x[index] * sign for x, sign in zip(inputs, operator.signs, strict=True)), Affine(0)
        ),
        inputs[0],
    )


def windows(window, x):
    """Yield the place of each window and the entries in it, None in the padding, with their place in the kernel."""
    ends = []
    for size, stride, dilation, (before, after), n in zip(
        window.size, window.strides, window.dilations, window.padding, x.shape[1:], strict=True
    ):
        ends.append(range(-before, n + after - (size - 1) * dilation, stride))
    for place in itertools.product(*map(enumerate, ends)):
        entries = {}
        for tap in np.ndindex(*window.size):
            at = tuple(start + t * d for (_, start), t, d in zip(place, tap, window.dilations, strict=True))
            inside = all(0 <= i < n for i, n in zip(at, x.shape[1:], strict=True))
            entries[tap] = at if inside else None
        yield tuple(number for number, _ in place), entries


def per_window(window, channels, x, function):
    places = list(windows(window, x))
    out = np.empty((channels, *(n + 1 for n in places[-1][0])), object)
    for channel in range(channels):
        for place, entries in places:
            out[(channel, *place)] = function(channel, entries)
    return out


def convolution(operator, x, **_):
    weight, bias = exact(operator.weight), operator.bias
    each_in, each_out = weight.shape[1], weight.shape[0] // operator.groups

    def one(channel, entries):
        first = channel // each_out * each_in
        total = Affine(0 if bias is None else Fraction(float(bias[channel])))
        for tap, at in entries.items():
            if at is not None:
                for i in range(each_in):
                    total = total + x[(first + i, *at)] * weight[(channel, i, *tap)]
        return total

    return per_window(operator.window, weight.shape[0], x, one)


def average(operator, x, **_):
    def one(channel, entries):
        inside = [x[(channel, *at)] for at in entries.values() if at is not None]
        return sum(inside, Affine(0)) / (len(entries) if operator.count_padding else len(inside))

    return per_window(operator.window, len(x), x, one)


def maximum(operator, x, *, low, high):
    def one(channel, entries):
        inside = [x[(channel, *at)] for at in entries.values() if at is not None]
        for u, v in itertools.combinations(inside, 2):
            if u.slope != v.slope:
                t = (v.at_zero - u.at_zero) / (u.slope - v.slope)
                if low < t < high and u.at(t) == max(w.at(t) for w in inside):
                    raise Cut(t)
        return max(inside, key=lambda u: u.at((low + high) / 2))

    return per_window(operator.window, len(x), x, one)


RULES = {
    Activation: activation,
    AveragePool: average,
    Concatenate: lambda operator, *inputs, **_: np.concatenate(inputs, axis=operator.axis - 1),
    Convolution: convolution,
    Dense: dense,
    Elementwise: elementwise,
    MaxPool: maximum,
    ParametricRelu: parametric,
    Reduce: lambda operator, x, **_: each(
        lambda _, index: sum(x[index[0]].ravel(), Affine(0)) / x[index[0]].size, x[:, 0]
    ),
    Reshape: lambda operator, x, **_: x.ravel(),
    Sum: summed,
}
