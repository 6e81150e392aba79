"""Small networks for Hypothesis, with as many coincidences as it can find: small whole weights, equal rows, zeros."""

import numpy as np
from hypothesis import strategies as st

from nonlin.functions import function
from nonlin.networks import Network, Node, Tensor
from nonlin.networks.activation import Activation, ParametricRelu
from nonlin.networks.affine import Dense, Elementwise, Reduce, Sum
from nonlin.networks.shape import Concatenate, Reshape
from nonlin.networks.window import AveragePool, Convolution, MaxPool, Window

PALETTES = (
    np.arange(-2.0, 3.0),
    np.arange(-3, 4) / 10,  # sums that are equal on paper, and in floats only nearly
    np.arange(-4, 5) / 3,
    np.array([0.0, 1.0, -1.0, 1 / 3, 0.1, -0.7, 3.0, 1 + 2**-52, 1e-17, -1e-9]),
    np.linspace(-1, 1, 2001).astype(np.float32).astype(np.float64),
)
CONTINUOUS = (
    "relu",
    "abs",
    "relu6",
    "hardtanh",
    "hardsigmoid",
    "leaky",
    "negative",
    "straight",
    "parametric",
)
JUMPS = ("step", "half-step", "hardshrink", "thresholded_relu")


class Building:
    """A network that grows at its end."""

    def __init__(self, shape):
        self.nodes, self.last, self.shape = [], "x", shape
        self.start = shape

    def add(self, operator, shape=None, inputs=None):
        name = f"n{len(self.nodes)}"
        self.nodes.append(Node(name=name, operator=operator, inputs=inputs or (self.last,), output=name))
        self.last, self.shape = name, self.shape if shape is None else shape
        return name

    def network(self):
        tensor = Tensor(name="x", shape=(None, *self.start), dtype="float64")
        out = Tensor(name=self.last, shape=(None, *self.shape), dtype="float64")
        return Network(
            name="made up", inputs=(tensor,), outputs=(out,), nodes=tuple(self.nodes), parameters=0
        )


@st.composite
def weights(draw, shape, numbers):
    # one draw for all of them: the palettes give the coincidences, and large networks stay quick to make
    rows = np.random.default_rng(draw(st.integers(0, 2**32))).choice(numbers, shape)
    if len(rows) > 1 and draw(st.booleans()):  # a row that is a multiple of another, 0 included
        i, j = draw(st.permutations(range(len(rows))))[:2]
        rows[i] = rows[j] * draw(st.sampled_from([0.0, 1.0, -1.0, 3.0, -0.5]))
    return rows


@st.composite
def networks(draw, *, jumps=False):
    """Draw (network, a, b)."""
    numbers = draw(st.sampled_from(PALETTES))
    image = draw(st.booleans())
    made = Building(
        (draw(st.integers(1, 2)), draw(st.integers(3, 5))) if image else (draw(st.integers(1, 3)),)
    )
    if image:
        _image(draw, made, numbers, jumps=jumps)
    for _ in range(draw(st.integers(1, 3))):
        draw(st.sampled_from([_plain, _plain, _residual, _branches]))(draw, made, numbers, jumps=jumps)
    _dense(draw, made, numbers, 1)
    points = [np.array(draw(weights((1, *made.start), numbers)))[0] for _ in range(2)]
    if draw(st.integers(0, 9)) == 0:
        points[1] = points[0]
    return made.network(), *points


def _dense(draw, made, numbers, units):
    bias = draw(weights((units,), numbers)) if draw(st.booleans()) else None
    made.add(Dense(weight=draw(weights((units, made.shape[0]), numbers)), bias=bias), (units,))


def _activation(draw, made, *, jumps):
    name = draw(st.sampled_from(CONTINUOUS + JUMPS if jumps else CONTINUOUS))
    slope = {"leaky": 0.1, "negative": -0.5, "straight": 1.0}.get(name)
    if slope is not None:
        made.add(Activation(function=function("leaky_relu", negative_slope=slope)))
    elif name == "parametric":
        slopes = draw(weights((made.shape[0],), [0.0, 0.25, 1.0, -1.0, 2.0]))
        made.add(ParametricRelu(slopes=slopes.reshape(-1, *[1] * (len(made.shape) - 1))))
    elif name == "half-step":
        made.add(Activation(function=function("step", at_zero=0.5)))
    elif name == "hardshrink":
        made.add(Activation(function=function("hardshrink", lambd=1.0)))
    else:
        made.add(Activation(function=function(name)))


def _plain(draw, made, numbers, *, jumps):
    _dense(draw, made, numbers, draw(st.integers(1, 6)))
    _activation(draw, made, jumps=jumps)


def _residual(draw, made, numbers, *, jumps):
    start, width = made.last, made.shape[0]
    _activation(draw, made, jumps=jumps)
    _dense(draw, made, numbers, width)
    made.add(Sum(signs=(1, draw(st.sampled_from([1, -1])))), inputs=(made.last, start))


def _branches(draw, made, numbers, *, jumps):
    start, width = made.last, made.shape[0]
    _activation(draw, made, jumps=jumps)
    other = made.last
    made.add(Elementwise(scale=draw(weights((width,), numbers)), shift=np.zeros(())), inputs=(start,))
    made.add(Concatenate(axis=1), (2 * width,), inputs=(other, made.last))


def _image(draw, made, numbers, *, jumps):
    channels, length = made.shape
    padding = draw(st.sampled_from([(0, 0), (1, 1), (1, 0)]))
    window = Window(size=(2,), strides=(1,), dilations=(1,), padding=(padding,))
    units = draw(st.integers(1, 2))
    bias = draw(weights((units,), numbers)) if draw(st.booleans()) else None
    made.add(
        Convolution(weight=draw(weights((units, channels, 2), numbers)), bias=bias, window=window),
        (units, length - 1 + sum(padding)),
    )
    if draw(st.booleans()):
        _activation(draw, made, jumps=jumps)
    pool = Window(
        size=(draw(st.integers(2, 3)),), strides=(draw(st.integers(1, 2)),), dilations=(1,), padding=((0, 1),)
    )
    if made.shape[1] + 1 >= pool.size[0]:
        length = (made.shape[1] + 1 - pool.size[0]) // pool.strides[0] + 1
        made.add(
            draw(st.sampled_from([MaxPool(window=pool), MaxPool(window=pool), AveragePool(window=pool)])),
            (units, length),
        )
    if draw(st.booleans()):
        made.add(Reduce(axes=(2,), mean=True, keepdims=False), (units,))
    else:
        made.add(Reshape(shape=(0, -1)), (made.shape[0] * made.shape[1],))
