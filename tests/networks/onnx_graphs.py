"""Small ONNX graphs with the attributes that go wrong: groups, dilations, uneven padding, negative axes, 0 and −1."""

import numpy as np
import onnx
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

OPSET = 18


class Growing:
    """A graph that grows at its end; the last tensor has `shape`, its first axis the batch."""

    def __init__(self, draw, shape):
        self.draw, self.shape, self.start = draw, shape, shape
        self.nodes, self.constants, self.last = [], [], "x"
        self.random = np.random.default_rng(draw(st.integers(0, 2**32)))

    def __repr__(self):
        stored = {c.name: numpy_helper.to_array(c).tolist() for c in self.constants if len(c.dims) < 2}
        steps = [
            (
                n.op_type,
                *(stored.get(i, i) for i in n.input),
                {a.name: helper.get_attribute_value(a) for a in n.attribute},
            )
            for n in self.nodes
        ]
        return f"{self.start}: {steps}"

    def constant(self, array):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def floats(self, *shape):
        return self.constant(self.random.uniform(-1, 1, shape).astype(np.float32))

    def whole(self, *numbers):
        return self.constant(np.array(numbers, np.int64))

    def add(self, operator, *inputs, **attributes):
        name = f"t{len(self.nodes)}"
        given = {key: value for key, value in attributes.items() if value is not None}
        self.nodes.append(
            helper.make_node(operator, list(inputs), [name], name=f"n{len(self.nodes)}", **given)
        )
        self.last = name

    def model(self, batch):
        """Return the model; the batch is a number or "N"."""
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, *self.start[1:]])
        y = helper.make_tensor_value_info(self.last, TensorProto.FLOAT, None)
        graph = helper.make_graph(self.nodes, "made up", [x], [y], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
        return onnx.shape_inference.infer_shapes(model)


def window(g, *, reach):
    """Draw kernel, strides, dilations and padding, with reach as the largest size of the padding."""
    n, draw = len(g.shape) - 2, g.draw
    numbers = st.integers
    kernel = [draw(numbers(1, min(3, size))) for size in g.shape[2:]]
    dilations = [
        draw(numbers(1, 2)) if (k - 1) * 2 < size else 1 for k, size in zip(kernel, g.shape[2:], strict=True)
    ]
    given = {
        "kernel_shape": kernel,
        "strides": [draw(numbers(1, 3)) for _ in range(n)],
        "dilations": dilations,
    }
    how = draw(st.sampled_from(["pads", "pads", "SAME_UPPER", "SAME_LOWER", "VALID", "none"]))
    if how == "pads":
        given["pads"] = [draw(numbers(0, min(reach, kernel[i % n] - 1))) for i in range(2 * n)]
    elif how != "none":
        given["auto_pad"] = how
        if how != "VALID":
            given["dilations"] = [1] * n
    return given


def convolution(g):
    groups = g.draw(st.sampled_from([k for k in (1, 2, 4) if g.shape[1] % k == 0]))
    units = groups * g.draw(st.integers(1, 2))
    given = window(g, reach=2)
    weight = g.floats(units, g.shape[1] // groups, *given["kernel_shape"])
    g.add(
        "Conv", g.last, weight, *([g.floats(units)] if g.draw(st.booleans()) else []), group=groups, **given
    )


def maximum_pool(g):
    g.add("MaxPool", g.last, ceil_mode=g.draw(st.integers(0, 1)), **window(g, reach=1))


def average_pool(g):
    given = window(g, reach=1)
    del given["dilations"]
    counted, ceiled = g.draw(st.integers(0, 1)), g.draw(st.integers(0, 1))
    g.add("AveragePool", g.last, count_include_pad=counted, ceil_mode=ceiled, **given)


def batch_norm(g):
    channels = g.shape[1]
    variance = g.constant(g.random.uniform(0.5, 2, channels).astype(np.float32))
    g.add("BatchNormalization", g.last, *(g.floats(channels) for _ in range(3)), variance, epsilon=1e-3)


def gemm(g):
    inputs, units, flip = g.shape[1], g.draw(st.integers(1, 4)), g.draw(st.booleans())
    weight = g.floats(units, inputs) if flip else g.floats(inputs, units)
    bias = g.draw(st.sampled_from([None, (units,), (1, units), (1,), ()]))
    scales = {key: g.draw(st.sampled_from([None, 0.5, -2.0])) for key in ("alpha", "beta")}
    g.add("Gemm", g.last, weight, *([] if bias is None else [g.floats(*bias)]), transB=int(flip), **scales)


def matrix_product(g):
    g.add("MatMul", g.last, g.floats(g.shape[-1], g.draw(st.integers(1, 3))))


def cut(g):
    axis = g.draw(st.integers(1 - len(g.shape), len(g.shape) - 1).filter(lambda a: a % len(g.shape)))
    start, stop = g.draw(st.sampled_from([(0, 2**62), (1, 3), (-2, 2**62), (-3, -1), (-(2**62), 2), (0, 1)]))
    g.add("Slice", g.last, g.whole(start), g.whole(stop), g.whole(axis), g.whole(g.draw(st.integers(1, 2))))


def gather(g):
    axis = g.draw(st.integers(1, len(g.shape) - 1))
    size = g.shape[axis]
    indices = g.draw(st.lists(st.integers(-size, size - 1), min_size=1, max_size=3))
    how = g.draw(st.sampled_from([np.array(indices), np.array(indices[0]), np.array([indices])]))
    g.add("Gather", g.last, g.constant(how), axis=g.draw(st.sampled_from([axis, axis - len(g.shape)])))


def pad(g):
    before = [g.draw(st.integers(-1, 2)) for _ in g.shape[1:]]
    after = [g.draw(st.integers(0, 1)) for _ in g.shape[1:]]
    g.add("Pad", g.last, g.whole(0, *before, 0, *after), *([g.floats()] if g.draw(st.booleans()) else []))


def concatenate(g):
    start = g.last
    g.add("Relu", start)
    g.add("Concat", start, g.last, start, axis=g.draw(st.sampled_from([-1, *range(1, len(g.shape))])))


def add_axis(g):
    g.add("Unsqueeze", g.last, g.whole(g.draw(st.sampled_from([1, -1, len(g.shape)]))))


def drop_axis(g):
    ones = [i for i, n in enumerate(g.shape) if i and n == 1]
    if ones:
        g.add("Squeeze", g.last, g.whole(*g.draw(st.sampled_from([ones, [ones[0] - len(g.shape)]]))))


def flatten(g):
    g.add("Flatten", g.last, axis=g.draw(st.sampled_from([1, 1, 2, len(g.shape) - 1, -1])))


def reshape(g):
    rest = int(np.prod(g.shape[1:]))
    g.add(
        "Reshape",
        g.last,
        g.whole(*g.draw(st.sampled_from([(0, -1), (-1, rest), (0, rest), (0, 1, -1), (0, 0, -1)]))),
    )


def reduce(g):
    axes = g.draw(st.lists(st.integers(1, len(g.shape) - 1), min_size=1, max_size=2, unique=True))
    axes = [a - len(g.shape) if g.draw(st.booleans()) else a for a in axes]
    name = g.draw(st.sampled_from(["ReduceMean", "ReduceSum"]))
    g.add(name, g.last, g.whole(*axes), keepdims=1) if name == "ReduceSum" else g.add(
        name, g.last, g.whole(*axes), keepdims=g.draw(st.integers(0, 1))
    )


def transpose(g):
    rest = g.draw(st.permutations(range(1, len(g.shape))))
    g.add("Transpose", g.last, perm=[0, *rest])


def arithmetic(g):
    name = g.draw(st.sampled_from(["Add", "Sub", "Mul", "Div"]))
    shape = g.draw(
        st.sampled_from(
            [
                (),
                (1,),
                g.shape[1:],
                g.shape[-1:],
                (1,) * len(g.shape),
                (g.shape[1], *[1] * (len(g.shape) - 2)),
            ]
        )
    )
    other = g.constant(g.random.uniform(0.5, 2, shape).astype(np.float32))
    flip = g.draw(st.booleans()) and name != "Div"
    g.add(name, *((other, g.last) if flip else (g.last, other)))


def together(g):
    start = g.last
    g.add("Sigmoid", start)
    g.add(g.draw(st.sampled_from(["Add", "Sub", "Mul", "Sum"])), *g.draw(st.permutations([start, g.last])))


def parametric(g):
    channels = g.shape[1]
    shape = g.draw(st.sampled_from([(1,), (channels, *[1] * (len(g.shape) - 2)), g.shape[1:]]))
    g.add("PRelu", g.last, g.floats(*shape))


ENTRYWISE = (
    *(
        (name, {})
        for name in ("Relu", "Selu", "HardSigmoid", "HardSwish", "Softplus", "Softsign", "Tanh", "Sigmoid")
    ),
    *((name, {}) for name in ("Erf", "Abs", "Neg", "Exp", "Mish", "Identity", "Dropout", "Sin")),
    *(("Elu", {"alpha": 0.5}), ("Celu", {"alpha": 0.5}), ("LeakyRelu", {"alpha": 0.125})),
    *(("ThresholdedRelu", {"alpha": 0.25}), ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5})),
    *(("Selu", {"alpha": 1.0, "gamma": 2.0}), ("Softmax", {"axis": -1}), ("LogSoftmax", {"axis": 1})),
)


def entrywise(g):
    name, given = g.draw(st.sampled_from(ENTRYWISE))
    g.add(name, g.last, **given)


def bounded(g):
    name = g.draw(st.sampled_from(["Clip", "Max"]))
    if name == "Max":
        limits = g.draw(st.sampled_from([np.float32(0), np.zeros(1, np.float32), np.float32(0.5)]))
        g.add("Max", *g.draw(st.permutations([g.last, g.constant(limits)])))
    else:
        low, high = g.draw(st.sampled_from([(0, 6), (-1, 1), (0, None), (None, 0.5), (0.25, 0.5), (1, -1)]))
        ends = ["" if end is None else g.constant(np.float32(end)) for end in (low, high)]
        g.add("Clip", g.last, *ends)


ANY = (
    cut,
    gather,
    pad,
    concatenate,
    add_axis,
    drop_axis,
    flatten,
    reshape,
    reduce,
    transpose,
    arithmetic,
    together,
)
ANY += (parametric, entrywise, bounded, batch_norm, matrix_product)
SPATIAL = (convolution, maximum_pool, average_pool)


@st.composite
def graphs(draw, only=None):
    """Draw a graph of one to three steps that ONNX's shape inference accepts."""
    shape = draw(st.sampled_from([(2, 4, 6), (2, 4, 5, 6), (2, 2, 7, 4), (2, 6)]))
    g = Growing(draw, shape)
    for _ in range(draw(st.integers(1, 3))):
        options = ANY + SPATIAL if len(g.shape) > 2 else (*ANY, gemm, gemm)
        draw(st.sampled_from(options))(g)
        inferred = onnx.shape_inference.infer_shapes(g.model(2), strict_mode=True).graph
        g.shape = tuple(d.dim_value for d in inferred.output[0].type.tensor_type.shape.dim)
        if len(g.shape) < 2 or not all(g.shape) or g.shape[0] != 2:
            break
    return g
