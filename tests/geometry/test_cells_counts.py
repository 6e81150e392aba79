"""Counts that are known, in boxes and in the whole space; and what a cell tells about the network."""

import itertools
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from networks_strategy import Building

from nonlin import demonstration, read
from nonlin.errors import InvalidInputError, UnsupportedModelError
from nonlin.functions import function
from nonlin.geometry import box, plane, space
from nonlin.geometry.cells.exact import whole_numbers
from nonlin.geometry.cells.parts import count_part, parts_of
from nonlin.networks import evaluate
from nonlin.networks.activation import Activation, Multiply
from nonlin.networks.affine import Dense

torch = pytest.importorskip("torch")


def seeded(*sizes):
    """Return PyTorch's own initialisation after manual_seed(0), float32 weights taken as float64."""
    torch.manual_seed(0)
    made = Building((sizes[0],))
    for i, (inputs, units) in enumerate(itertools.pairwise(sizes)):
        layer = torch.nn.Linear(inputs, units)
        weight, bias = (x.detach().numpy().astype(np.float64) for x in (layer.weight, layer.bias))
        made.add(Dense(weight=weight, bias=bias), (units,))
        if i < len(sizes) - 2:
            made.add(Activation(function=function("relu")))
    return made.network()


def relu_network(*layers, inputs):
    """Return a network of (weight, bias) layers with a ReLU behind each."""
    made = Building((inputs,))
    for weight, bias in layers:
        rows = np.array(weight, np.float64)
        shift = None if bias is None else np.array(bias, np.float64)
        made.add(Dense(weight=rows, bias=shift), (len(rows),))
        made.add(Activation(function=function("relu")))
    return made.network()


BOXES = [
    ((2, 8, 8, 1), 1, 22),
    ((2, 16, 16, 1), 1, 127),
    ((2, 32, 32, 1), 1, 795),
    ((2, 64, 64, 64, 1), 1, 6668),
    ((2, 128, 128, 128, 128, 1), 1, 29584),
    ((2, 128, 128, 128, 128, 1), 10, 115962),
    ((2, 128, 128, 128, 128, 1), 1000, 134512),
    ((3, 8, 8, 1), 1, 107),
    ((3, 32, 32, 1), 1, 11512),
    pytest.param((5, 16, 16, 1), 1, 15621, marks=pytest.mark.campaign),
]
SPACES = [
    ((2, 8, 8, 1), 156),
    ((2, 16, 16, 1), 572),
    ((2, 32, 32, 1), 2268),
    ((2, 64, 64, 64, 1), 20550),
    ((2, 128, 128, 128, 128, 1), 134676),
    ((3, 8, 8, 1), 772),
    ((3, 32, 32, 1), 44230),
]


@pytest.mark.parametrize(("sizes", "reach", "count"), BOXES)
def test_boxes(sizes, reach, count):
    found = box(seeded(*sizes), -reach, reach)
    assert found.certified
    assert found.count == count


@pytest.mark.parametrize(("sizes", "count"), SPACES)
def test_spaces(sizes, count):
    found = space(seeded(*sizes))
    assert found.certified
    assert found.count == count


@pytest.mark.parametrize(("sizes", "volume"), [((2, 32, 32, 1), 4), ((3, 8, 8, 1), 8)])
def test_volumes_add_up_and_maps_are_those_of_the_network(sizes, volume):
    network = seeded(*sizes)
    found = box(network, -1.0, 1.0)
    assert abs(found.volumes().sum() - volume) <= 1e-12 * volume
    patterns = set()
    for cell in found.cells:
        x = cell.vertices.mean(axis=0)
        (direct,) = evaluate(network, {"x": x[None]})
        np.testing.assert_allclose(cell.weight @ x + cell.bias, direct[0], rtol=1e-9, atol=1e-12)
        patterns.add(cell.pattern.tobytes())
    assert len(patterns) == found.count


def test_a_grid_of_parallel_folds():
    rows = np.kron(np.eye(3), np.ones((4, 1)))  # x = 1, 2, 3, 4; the same for y and z
    network = relu_network((rows, -np.tile(np.arange(1.0, 5.0), 3)), inputs=3)
    assert box(network, 0.0, 5.0).count == 5**3
    assert space(network).count == 5**3
    assert box(network, 1.0, 2.0).count == 1  # its sides lie on folds


def test_equal_scaled_negated_and_zero_units_fold_once():
    rows = [[1, 2], [1, 2], [3, 6], [-0.7, -1.4], [0, 0], [1, -1]]
    network = relu_network((rows, [0.5, 0.5, 1.5, -0.35, 0, 0]), inputs=2)
    for found in (box(network, -1.0, 1.0), space(network)):
        assert found.certified
        assert found.count == 4


def test_without_biases_all_folds_meet_at_zero():
    rng = np.random.default_rng(0)
    for n in (2, 3):
        weights = [rng.integers(-3, 4, (6, n)), rng.integers(-3, 4, (5, 6))]
        network = relu_network(*((w, None) for w in weights), inputs=n)
        assert box(network, -1.0, 1.0).count == space(network).count == box(network, -1e3, 1e3).count


def test_a_sawtooth_composed_with_itself():
    # 2 min(x, 1 − x) folds [0, 1] in two; three times over that makes eight pieces
    hat = ([[2.0], [4.0]], [0.0, -2.0])
    again = ([[2.0, -2.0], [4.0, -4.0]], [0.0, -2.0])
    assert box(relu_network(hat, again, again, inputs=1), 0.0, 1.0).count == 8


def test_a_fold_that_the_next_layer_cancels_still_counts():
    assert box(relu_network(([[1.0, 0.0]], None), ([[0.0]], [1.0]), inputs=2), -1.0, 1.0).count == 2


def test_a_network_without_folds_is_one_region():
    made = Building((2,))
    made.add(Dense(weight=np.ones((1, 2))), (1,))
    assert box(made.network(), 0.0, 1.0).count == 1
    assert space(made.network()).count == 1


def test_a_plane_through_images_of_the_demonstration():
    network = read(demonstration.model_path())
    with np.load(demonstration.data_path()) as data:
        p, q, r = data["images"][:3].astype(np.float64)
    found = plane(network, p, q, r)
    assert found.certified
    rng = np.random.default_rng(0)
    for cell in itertools.islice(found.cells, 50):
        s, t = rng.dirichlet(np.ones(len(cell.vertices))) @ cell.vertices
        (direct,) = evaluate(network, {network.inputs[0].name: (p + s * (q - p) + t * (r - p))[None]})
        np.testing.assert_allclose(cell.weight @ (s, t) + cell.bias, direct[0], rtol=1e-9, atol=1e-9)


def test_range_and_lipschitz_are_reached():
    network = seeded(2, 8, 8, 1)
    found = box(network, -1.0, 1.0)
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 201)] * 2), axis=-1).reshape(-1, 2)
    (values,) = evaluate(network, {"x": grid})
    low, high = found.output_range(0)
    assert low <= values.min() <= low + 1e-2
    assert high - 1e-2 <= values.max() <= high
    steepest = np.abs(np.diff(values.reshape(201, 201), axis=1)).max() / 0.01
    assert steepest <= found.lipschitz(0) * (1 + 1e-9)


def test_neighbours_differ_across_one_facet():
    found = box(relu_network((np.eye(2), [0.0, 0.0]), inputs=2), -1.0, 1.0)
    assert len(set(found.adjacency())) == 4


def test_a_fixed_input_is_no_dimension():
    network = relu_network((np.eye(8), np.zeros(8)), inputs=8)
    low = np.array([-1.0, -1, -1, 2, 2, 2, 2, 2])
    assert box(network, low, np.abs(low)).count == 8


@pytest.mark.parametrize(
    ("low", "high", "message"),
    [
        (0.0, 0.0, "1 to 6 dimensions, got 0"),
        (0.0, [1.0] * 8, "1 to 6 dimensions, got 8"),
        (1.0, 0.0, "none of low above high"),
        (0.0, np.inf, "finite ends"),
        (np.zeros(3), 1.0, "broadcasts to the shape"),
        (np.zeros(3), np.ones(4), "fit each other"),
    ],
)
def test_a_box_that_is_none_is_refused(low, high, message):
    with pytest.raises(InvalidInputError, match=message):
        box(relu_network((np.eye(8), np.zeros(8)), inputs=8), low, high)


def test_a_window_without_room_is_refused():
    network = relu_network((np.eye(2), None), inputs=2)
    with pytest.raises(InvalidInputError, match=r"window .*, got \(0, 1, 0\)"):
        plane(network, *np.eye(3, 2), window=(0, 1, 0))
    with pytest.raises(InvalidInputError, match="window"):
        plane(network, np.zeros(2), [1.0, 0], [0, 1.0], window=(1.0, 0.0, 0.0, 1.0))
    with pytest.raises(InvalidInputError, match="three finite points"):
        plane(network, np.zeros(2), np.zeros(3), np.zeros(2))


def test_a_product_is_refused_by_name():
    made = Building((2,))
    made.add(Multiply(), inputs=("x", "x"))
    with pytest.raises(UnsupportedModelError, match="'n0' is not"):
        box(made.network(), 0.0, 1.0)


def test_ctrl_c_keeps_what_is_done():
    def stop(count, _share):
        if count >= 20000:
            raise KeyboardInterrupt

    found = box(seeded(2, 128, 128, 128, 128, 1), -1.0, 1.0, progress=stop)
    assert not found.certified
    assert 0 < found.count < 29584
    assert "stopped after" in str(found)


@pytest.mark.parametrize("sizes", [(2, 32, 32, 1), (3, 8, 8, 1)])
def test_parts_count_every_cell_once(sizes):
    network = seeded(*sizes)
    for found in (box(network, -1.0, 1.0), space(network)):
        parts = parts_of(found.problem)
        assert len(parts) == (
            32 if found.problem.domain.volume is None and sizes[1] == 8 else 64
        )  # few folds are left
        assert sum(count_part(part)[0] for part in parts) == found.count


def test_parts_of_a_network_full_of_ties():
    rows = [[1, 2], [1, 2], [3, 6], [-0.7, -1.4], [0, 0], [1, -1], [1, 1], [2, 1]]
    network = relu_network((rows, None), (np.eye(8), [-1.0] * 8), inputs=2)
    found = box(network, -1.0, 1.0)
    assert sum(count_part(part)[0] for part in parts_of(found.problem)) == found.count


def test_two_processes_count_the_same():
    pytest.importorskip("joblib")
    assert box(seeded(2, 32, 32, 1), -1.0, 1.0, jobs=2).count == 795
    with pytest.raises(InvalidInputError, match="at least one process"):
        box(seeded(2, 8, 8, 1), -1.0, 1.0, jobs=0)


def folded(first=1.0, second=1.0):
    """Return a network whose layers are multiplied by powers of 2, which moves no fold."""
    rng = np.random.default_rng(1)
    shapes = [((6, 2), 6), ((5, 6), 5)]
    layers = [(rng.normal(size=rows), rng.normal(size=bias)) for rows, bias in shapes]
    (a, b), (c, d) = layers
    return relu_network((a * first, b * first), (c * second, d * first * second), inputs=2)


@pytest.mark.parametrize(
    "scales", [(2.0**-960, 1.0), (2.0**1000, 1.0), (2.0**500, 2.0**-900), (1.0, 2.0**-900)]
)
def test_weights_of_any_size_have_the_same_folds(scales):
    expected = [box(folded(), -1.0, 1.0).count, space(folded()).count]
    found = [box(folded(*scales), -1.0, 1.0), space(folded(*scales))]
    assert [x.count for x in found] == expected
    assert all(x.certified for x in found)


def test_weights_so_small_that_a_point_on_their_folds_is_no_float64():
    with pytest.raises(InvalidInputError, match="float64 holds"):
        space(folded(2.0**-1060))


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_weights_that_are_no_numbers(wrong):
    with pytest.raises(UnsupportedModelError, match="finite weights, but those of node 'n0'"):
        box(relu_network(([[wrong, 1.0]], None), inputs=2), -1.0, 1.0)


def test_an_output_that_is_not_there():
    found = box(folded(), -1.0, 1.0)
    for i in (-1, 5):
        with pytest.raises(InvalidInputError, match="from 0 to 4"):
            found.output_range(i)


@pytest.mark.parametrize(
    "matrix",
    [
        np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32).astype(np.float64),
        [[0.0, -0.0], [1 / 3, -1e300]],
        [[5e-324, -1.5]],
        [[2.0**62, 1.0], [-(2.0**63), 3.0]],
        [[2.0**900, -(2.0**901)]],
    ],
)
def test_weights_are_made_fractions_exactly(matrix):
    matrix = np.asarray(matrix, np.float64)
    whole, low = whole_numbers(matrix)
    found = [[Fraction(n) * Fraction(2) ** low for n in row] for row in whole]
    assert found == [[Fraction(x) for x in row] for row in matrix.tolist()]


IMPORTED = """
import sys

import nonlin.geometry

assert callable(nonlin.geometry.line) and callable(nonlin.geometry.region)
assert "numba" not in sys.modules  # neither needs compiled code
from nonlin import demonstration
from nonlin.geometry import box
from nonlin.networks import read

network, before = read(demonstration.model_path()), set(sys.modules)
box(network, 0.0, [1.0] + [0.0] * 63)
print([name for name in set(sys.modules) - before if not name.startswith("nonlin")])
"""


def test_what_a_count_needs_of_other_packages_is_loaded_by_the_import():
    made = subprocess.run([sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=True)
    assert made.stdout == "[]\n"
