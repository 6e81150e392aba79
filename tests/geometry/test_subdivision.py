"""Folds, decision boundaries and level sets on planes, against the network itself."""

import itertools

import numpy as np
import pytest
from networks_strategy import Building

from nonlin import demonstration, geometry, read
from nonlin.errors import InvalidInputError
from nonlin.functions import function
from nonlin.geometry.contours import Contours
from nonlin.geometry.polylines import joined
from nonlin.networks import evaluate
from nonlin.networks.activation import Activation
from nonlin.networks.affine import Dense
from nonlin.networks.evaluation import trace

WINDOW = (-0.5, 1.5, -0.5, 1.5)


@pytest.fixture(scope="module")
def digits():
    network = read(demonstration.model_path())
    with np.load(demonstration.data_path()) as data:
        points = data["images"][:3].astype(np.float64)
    return network, points, geometry.subdivide(geometry.plane(network, *points, window=WINDOW))


def dense(*layers, inputs=2):
    """Return a network of (weight, bias) layers, ReLU between them."""
    made = Building((inputs,))
    for i, (weight, bias) in enumerate(layers):
        if i:
            made.add(Activation(function=function("relu")))
        made.add(Dense(weight=np.array(weight, float), bias=np.array(bias, float)), (len(bias),))
    return made.network()


def values(network, points, st):
    p, q, r = points
    x = p + st[:, :1] * (q - p) + st[:, 1:] * (r - p)
    return evaluate(network, {network.inputs[0].name: x})[0]


def test_every_fold_lies_where_its_unit_is_on_its_kink(digits):
    network, (p, q, r), made = digits
    folds = made.folds
    st = folds.segments.mean(axis=1)
    x = p + st[:, :1] * (q - p) + st[:, 1:] * (r - p)
    tensors = trace(network, {network.inputs[0].name: x})
    nodes = {node.name: node for node in network.nodes}
    for i, name in enumerate(folds.calls):
        mine = folds.call == i
        before = tensors[nodes[name].inputs[0]]
        on = before[mine, folds.unit[mine]]
        assert np.abs(on).max() <= 1e-9 * np.abs(before).max()
        assert np.median(np.abs(before)) > 1e-3  # other units are not


def test_every_side_between_two_cells_is_one_segment(digits):
    *_, made = digits
    sides = [
        np.linalg.norm(np.subtract(*cell.vertices[cell.incidence[:, k]]))
        for cell in made.cells
        for k, (unit, _) in enumerate(cell.facets)
        if unit >= 0
    ]
    assert len(sides) == 2 * len(made.folds.segments)
    assert sum(made.folds.lengths().values()) == pytest.approx(sum(sides) / 2, rel=1e-12)


def test_folds_without_keeping_cells_are_the_same(digits):
    *_, made = digits
    assert np.array_equal(geometry.folds(made.found).segments, made.folds.segments)


def test_on_a_decision_boundary_two_outputs_are_equal_and_largest(digits):
    network, points, made = digits
    assert len(made.boundary) > 10
    for curve in made.boundary:
        st = (curve.points[1:] + curve.points[:-1]) / 2
        out = values(network, points, st)
        i, k = curve.between
        np.testing.assert_allclose(out[:, i], out[:, k], rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(out[:, i], out.max(axis=1), rtol=1e-9, atol=1e-9)


def crossed(network, points, curves):
    """Return on how many of many random short steps the answer changes, and how many of them cross a curve."""
    rng = np.random.default_rng(0)
    start = rng.uniform(-0.5, 1.4, (20000, 2))
    end = start + rng.uniform(-0.05, 0.05, (20000, 2))
    changes = values(network, points, start).argmax(axis=1) != values(network, points, end).argmax(axis=1)
    found = np.zeros(len(start), bool)
    for a, b in itertools.chain.from_iterable(itertools.pairwise(c.points) for c in curves):

        def side(p, q, r):
            u, v = np.broadcast_arrays(q - p, r - p)
            return u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]

        apart = side(a, b, start) * side(a, b, end) < 0
        found |= apart & (side(start, end, a) * side(start, end, b) < 0)
    inside = (np.abs(end - 0.5) < 1).all(axis=1)
    return changes[inside], found[inside]


def test_the_answer_changes_only_across_the_boundary(digits):
    network, points, made = digits
    changes, found = crossed(network, points, made.boundary)
    assert changes.sum() > 500
    assert found[changes].all()
    changes, found = crossed(network, points, made.boundary[1:])  # so the check can fail
    assert not found[changes].all()


def test_a_level_set_lies_on_its_level_and_separates_it(digits):
    network, points, made = digits
    level = 2.0
    curves = geometry.level_set(made.found, 3, level)
    assert curves
    for curve in curves:
        out = values(network, points, curve.points)[:, 3]
        np.testing.assert_allclose(out, level, rtol=1e-9)
        assert curve.between == (3, 3)
    ends = [end for curve in curves if not curve.closed for end in (curve.points[0], curve.points[-1])]
    assert ends
    assert all(np.abs(np.abs(np.array(end) - 0.5) - 1).min() < 1e-9 for end in ends)  # only at the window


def test_the_diamond_of_two_absolute_values():
    # |x| + |y| = 1 by four ReLUs: a closed square through four cells
    network = dense(([[1, 0], [-1, 0], [0, 1], [0, -1]], [0] * 4), ([[1, 1, 1, 1]], [-1]))
    found = geometry.box(network, -2.0, 2.0)
    (diamond,) = geometry.decision_boundary(found)
    assert diamond.closed
    assert diamond.between == (0, 1)
    assert diamond.length == pytest.approx(4 * 2**0.5, rel=1e-12)
    (wide,) = geometry.level_set(found, 0, 0.5)
    assert wide.length == pytest.approx(6 * 2**0.5, rel=1e-12)


def test_a_boundary_that_lies_on_a_fold():
    network = dense(([[1, 0], [-1, 0], [0, 1]], [0, 0, 0]), ([[1, 0, 0], [0, 1, 0]], [0, 0]))
    found = geometry.box(network, -1.0, 1.0)
    (line,) = geometry.decision_boundary(found)
    assert np.array_equal(np.unique(line.points, axis=0)[[0, -1]], [[0, -1], [0, 1]])


def test_a_level_that_is_touched_and_not_passed_is_none():
    network = dense(([[1, 0], [-1, 0]], [0, 0]), ([[1, 1]], [0]))  # |x|
    found = geometry.box(network, -1.0, 1.0)
    assert geometry.level_set(found, 0, 0.0) == ()
    assert len(geometry.level_set(found, 0, 0.25)) == 2


def test_a_level_on_which_the_output_rests_has_its_border():
    network = dense(([[1, 0], [0, 1]], [0, 0]), ([[1, 0]], [0]))  # relu(x)
    (border,) = geometry.level_set(geometry.box(network, -1.0, 1.0), 0, 0.0)
    assert np.array_equal(np.unique(border.points, axis=0)[[0, -1]], [[0, -1], [0, 1]])


def test_three_answers_meet_in_a_point():
    contours = Contours(extent=2.0)
    square = np.array([[-1.0, -1], [1, -1], [1, 1], [-1, 1]])
    contours.add(square, np.array([[0.0, 1], [1, -1], [-1, -1]]), np.zeros(3))
    curves = contours.polylines()
    assert [curve.between for curve in curves] == [(0, 1), (0, 2), (1, 2)]
    assert all(np.abs(curve.points).sum(axis=1).min() < 1e-12 for curve in curves)


def test_segments_are_joined_whatever_their_order():
    rng = np.random.default_rng(0)
    angles = np.linspace(0, 2 * np.pi, 50)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    circle[-1] = circle[0]
    segments = np.stack([circle[:-1], circle[1:]], axis=1)[rng.permutation(49)]
    flipped = rng.random(49) < 0.5
    segments[flipped] = segments[flipped][:, ::-1]
    (whole,) = joined(segments, (0, 1), extent=2.0)
    assert whole.closed
    assert len(whole.points) == 50
    assert [len(c.points) for c in joined(segments[1:], (0, 1), extent=2.0)] == [49]


def test_only_planes_have_a_crease_pattern():
    network = dense((np.eye(3), [0] * 3), (np.ones((1, 3)), [0]), inputs=3)
    with pytest.raises(InvalidInputError, match="got 3 dimensions"):
        geometry.folds(geometry.box(network, -1.0, 1.0))
    with pytest.raises(InvalidInputError, match="got the whole space"):
        geometry.subdivide(geometry.space(dense((np.eye(2), [0] * 2), (np.ones((1, 2)), [0]))))
    with pytest.raises(InvalidInputError, match="output from 0 to 0"):
        geometry.level_set(geometry.box(network, -1.0, [1, 1, -1]), 1)
