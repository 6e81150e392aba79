"""Maps of pieces and integrals along a line, against sampling and against each other."""

import numpy as np
import pytest

from nonlin import demonstration, read
from nonlin.errors import InvalidInputError
from nonlin.functions import function
from nonlin.geometry import line
from nonlin.networks import Network, Node, Tensor, evaluate
from nonlin.networks.activation import Activation
from nonlin.networks.affine import Dense


@pytest.fixture(scope="module")
def found():
    network = read(demonstration.model_path())
    with np.load(demonstration.data_path()) as data:
        a, b = data["images"][:2].astype(np.float64)
    return line(network, a, b)


def one_dimensional(*layers):
    nodes, last, width = [], "x", 1
    for i, operator in enumerate(layers):
        nodes.append(Node(name=f"n{i}", operator=operator, inputs=(last,), output=f"n{i}"))
        last, width = f"n{i}", len(operator.weight) if isinstance(operator, Dense) else width
    ends = [
        Tensor(name=name, shape=(None, size), dtype="float64") for name, size in (("x", 1), (last, width))
    ]
    return Network(name="made", inputs=(ends[0],), outputs=(ends[1],), nodes=tuple(nodes), parameters=0)


def outputs_at(found, t):
    x = np.stack([found.point(float(s)) for s in t])
    return evaluate(found.network, {found.network.inputs[0].name: x})[0]


def test_the_map_of_a_piece_is_the_network_on_it(found):
    cuts = np.concatenate([[0], found.breakpoints, [1]])
    for piece in range(found.count):
        t = cuts[piece] + np.array([0.1, 0.9]) * (cuts[piece + 1] - cuts[piece])
        own = found.affine_map(piece)
        maps = np.stack([own(found.point(float(s))) for s in t])
        np.testing.assert_allclose(maps, outputs_at(found, t), rtol=1e-9, atol=1e-12)
    assert np.array_equal(found.affine_map(-1).weight, found.affine_map(found.count - 1).weight)


def test_maps_of_neighbouring_pieces_differ(found):
    assert not np.allclose(found.affine_map(0).weight, found.affine_map(1).weight, rtol=1e-12)


@pytest.mark.parametrize("piece", [47, -48])
def test_a_piece_that_is_not_there(found, piece):
    with pytest.raises(InvalidInputError, match="a piece from 0 to 46"):
        found.affine_map(piece)


def test_integrated_gradients_add_up_to_the_change_of_the_output(found):
    for output in range(3):
        shares = found.integrated_gradients(output)
        assert shares.shape == found.ends[0].shape
        change = found.outputs[-1, output] - found.outputs[0, output]
        assert shares.sum() == pytest.approx(change, rel=1e-12)


def test_integrated_gradients_are_the_limit_of_sums(found):
    steps = 20_000
    t = (np.arange(steps) + 0.5) / steps
    pieces = np.searchsorted(found.breakpoints, t)
    maps = {piece: found.affine_map(int(piece)).weight[4] for piece in np.unique(pieces)}
    mean = sum(np.mean(pieces == piece) * weight for piece, weight in maps.items())
    expected = mean * (found.ends[1] - found.ends[0])
    np.testing.assert_allclose(found.integrated_gradients(4), expected, atol=1e-3 * np.abs(expected).max())


def test_lengths_are_those_of_a_dense_polyline(found):
    t = np.union1d(np.linspace(0, 1, 2001), found.breakpoints)
    steps = np.diff(outputs_at(found, t), axis=0)
    np.testing.assert_allclose(found.total_variation, np.abs(steps).sum(axis=0), rtol=1e-9)
    assert found.arc_length == pytest.approx(np.linalg.norm(steps, axis=1).sum(), rel=1e-9)


def test_crossings_of_a_level_are_where_a_dense_sampling_has_them(found):
    level = float(np.median(found.outputs[:, 0]))
    t = np.linspace(0, 1, 200_001)
    above = outputs_at(found, t)[:, 0] > level
    places = t[:-1][above[:-1] != above[1:]]
    crossings = found.crossings(0, level)
    assert len(crossings) >= len(places) > 0
    assert all(np.min(np.abs(crossings - place)) < 2e-5 for place in places)
    np.testing.assert_allclose(outputs_at(found, crossings)[:, 0], level, atol=1e-9)


def test_the_unit_of_each_breakpoint_is_on_its_kink(found):
    network = found.network
    for t, call, unit in zip(found.breakpoints, found.calls, found.units, strict=True):
        node = next(node for node in network.nodes if node.name == call)
        cut = Network(
            name="cut",
            inputs=network.inputs,
            outputs=(Tensor(name=node.inputs[0], shape=(None,), dtype="float64"),),
            nodes=network.nodes,
            parameters=0,
        )
        (pre,) = evaluate(cut, {network.inputs[0].name: found.point(float(t))[None]})
        assert abs(pre.ravel()[unit]) <= 1e-12 * np.abs(pre).max()


def test_a_jump_counts_for_the_variation_and_not_for_the_length():
    step = one_dimensional(Dense(weight=np.ones((1, 1))), Activation(function=function("step")))
    found = line(step, np.array([-1.0]), np.array([1.0]))
    assert found.total_variation.tolist() == [1]
    assert found.arc_length == 0
    assert found.crossings(0, 0.5).tolist() == [0.5]
    assert found.integrated_gradients(0).tolist() == [0]
