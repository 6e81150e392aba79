import numpy as np
import pytest

from nonlin.errors import UnsupportedModelError
from nonlin.functions import function
from nonlin.geometry import box, line, output_range, plane, region
from nonlin.networks import Network, Node, Tensor, evaluate
from nonlin.networks.activation import Activation, ParametricRelu
from nonlin.networks.affine import Dense, Elementwise, Reduce, Sum
from nonlin.networks.per_sample import per_sample
from nonlin.networks.shape import Concatenate, Pad, Reshape, Slice, Take, Transpose
from nonlin.networks.window import Convolution, MaxPool, Window

RNG = np.random.default_rng(0)
RELU = Activation(function=function("relu"))
HALVES = Window(size=(2, 2), strides=(2, 2), dilations=(1, 1), padding=((0, 0), (0, 0)))


def dense(inputs, units):
    return Dense(weight=RNG.standard_normal((units, inputs)), bias=RNG.standard_normal(units))


def chained(shape, *operators):
    nodes, last = [], "x"
    for i, operator in enumerate(operators):
        inputs = (last, last) if isinstance(operator, Sum | Concatenate) else (last,)
        nodes.append(Node(name=f"n{i}", operator=operator, inputs=inputs, output=f"y{i}"))
        last = f"y{i}"
    return Network(
        name="chained",
        inputs=(Tensor(name="x", shape=shape, dtype="float64"),),
        outputs=(Tensor(name=last, shape=(), dtype="float64"),),
        nodes=tuple(nodes),
        parameters=0,
    )


FORMS = {
    "a hard batch of one in a reshape": ((None, 2, 3), (2, 3), [Reshape(shape=(1, 6)), dense(6, 4), RELU]),
    "the batch dropped by a reshape": ((None, 6), (6,), [Reshape(shape=(-1,)), dense(6, 4), RELU]),
    "pooling, then the batch dropped": (
        (1, 1, 4, 4),
        (1, 4, 4),
        [
            Convolution(weight=RNG.standard_normal((2, 1, 1, 1)), bias=None, window=Window(
                size=(1, 1), strides=(1, 1), dilations=(1, 1), padding=((0, 0), (0, 0)))),
            MaxPool(window=HALVES),
            Reshape(shape=(8,)),
            dense(8, 4),
            RELU,
        ],
    ),
    "no batch axis": ((5,), (5,), [dense(5, 4), RELU, dense(4, 3)]),
    "the batch axis moved about": ((1, 3, 2), (3, 2), [Transpose(permutation=(2, 0, 1)), dense(3, 4), RELU]),
    "axes counted from the end": (
        (1, 6),
        (6,),
        [
            Reshape(shape=(6,)),
            Concatenate(axis=-1),
            Take(indices=np.array([1, 0, 3, 7]), axis=-1),
            Slice(ranges=((0, 0, 3, 1),)),
            Pad(widths=((1, 0),), value=2.0),
            Elementwise(scale=np.arange(4.0), shift=np.ones(())),
            ParametricRelu(slopes=np.array([-0.5, 2.0, 0.1, 1.0])),
            Sum(signs=(1, 1)),
            Reduce(axes=(-1,), mean=True, keepdims=False),
        ],
    ),
    "a mean over what was the batch axis": ((1, 6), (6,), [Reduce(axes=(0,), mean=True, keepdims=False), RELU]),
    "two samples at once": ((2, 4), (4,), [dense(4, 3), RELU, Reshape(shape=(2, 3)), dense(3, 2)]),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_samples_side_by_side_are_each_sample_alone(form):
    declared, shape, operators = FORMS[form]
    network = chained(declared, *operators)
    made = per_sample(network, shape)
    samples = RNG.standard_normal((3, *shape))
    together = evaluate(made, {"x": samples})[0]
    count = declared[0] if declared[0] is not None and len(declared) > len(shape) else 1
    for sample, got in zip(samples, together, strict=True):
        alone = sample if len(declared) == len(shape) else np.repeat(sample[None], count, axis=0)
        want = evaluate(network, {"x": alone})[0]
        np.testing.assert_allclose(np.ravel(got), np.ravel(want if count == 1 else want[0]), atol=1e-12)
    assert made.outputs[0].shape == (None, *together.shape[1:])


@pytest.mark.parametrize("form", FORMS)
def test_every_question_reads_every_form(form):
    declared, shape, operators = FORMS[form]
    network = chained(declared, *operators)
    a, b, c = RNG.standard_normal((3, *shape))
    found = line(network, a, b)
    assert found.certified
    window = (0.0, 1.0, 0.0, 1e-9)
    narrow = plane(network, a, b, c, window=window)
    assert narrow.count >= found.count
    high = a.copy()
    high.flat[0] += 0.5
    assert box(network, a, high).count == line(network, a, high).count
    middle = (a + high) / 2
    around = region(network, middle)
    value = np.ravel(line(network, middle, b).outputs[0])
    np.testing.assert_allclose(around.map(middle), value, atol=1e-12)
    values = output_range(network, a, high)
    assert values.minimum[0] - 1e-9 <= value[0] <= values.maximum[1] + 1e-9


def test_what_leads_to_no_output_is_left_out():
    network = chained((None, 3), dense(3, 4), RELU)
    dead = Node(name="dead", operator=RELU, inputs=("y0",), output="nowhere")
    made = per_sample(Network(
        name="", inputs=network.inputs, outputs=network.outputs, nodes=(*network.nodes, dead), parameters=0
    ), (3,))  # fmt: skip
    assert [node.name for node in made.nodes] == ["n0", "n1"]


@pytest.mark.parametrize(
    ("declared", "operators", "message"),
    [
        ((None, 6), [Transpose(permutation=(1, 0))], "node 'n0' mixes or drops"),
        ((2, 6), [Reshape(shape=(3, 4)), RELU], "node 'n0' mixes or drops"),
        ((None, 6), [dense(5, 4)], r"node 'n0' \(Dense\) does not fit what reaches it, \(1, 6\)"),
        ((None, 6), [Reshape(shape=(4, 2))], r"node 'n0' \(Reshape\) does not fit"),
        ((None, 6), [MaxPool(window=HALVES)], r"node 'n0' \(MaxPool\) does not fit"),
    ],
)
def test_what_has_no_such_form_is_refused_by_name(declared, operators, message):
    with pytest.raises(UnsupportedModelError, match=message):
        per_sample(chained(declared, *operators), (6,))


def test_calls_of_a_second_output_count_in_every_question():
    network = chained((None, 2), Dense(weight=np.eye(2), bias=np.array([-0.5, 1.0])))
    second = Node(name="second", operator=RELU, inputs=("y0",), output="z")
    outputs = (*network.outputs, Tensor(name="z", shape=(None, 2), dtype="float64"))
    both = Network(
        name="", inputs=network.inputs, outputs=outputs, nodes=(*network.nodes, second), parameters=0
    )
    a, b, c = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert line(network, a, b).count == 1
    assert line(both, a, b).count == 2
    assert plane(both, a, b, c).count == 2
    assert box(both, 0.0, 1.0).count == 2
