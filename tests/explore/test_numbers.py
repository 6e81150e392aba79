"""Every number that a panel shows equals Python's to 1e-12."""

import math
from fractions import Fraction

import numpy as np
import pytest

import nonlin
from nonlin import demonstration
from nonlin.explore import layers
from nonlin.explore.catalogue import scalar_functions
from nonlin.functions.gaussian_quadrature import expectation
from nonlin.inspection.data import read_data

EXACT = 1e-12


def near(found, wanted):
    return found == pytest.approx(wanted, rel=EXACT, abs=0)


# One function: what it makes of its input


def integrals(f, mean, deviation):
    """E f, E f², E f'² by Python's rule."""

    def at(z):
        value = f(mean + deviation * z)
        return np.stack([value, value * value, f.slope(mean + deviation * z) ** 2])

    return expectation(at, splits=[0.0, *((np.array(f.kinks) - mean) / deviation)])[0]


ASK = """([name, parameters, mean, deviation]) => {
    const m = nonlin.moments(nonlin.CATALOGUE[name], parameters, mean, deviation);
    return [m.mean, m.second, m.slopeSecond, m.gain].map(String); }"""


@pytest.mark.parametrize(("mean", "deviation"), [(0.0, 1.3), (-2.0, 2.5)])
def test_the_moments_of_every_function(opened, mean, deviation):
    for f in scalar_functions():
        texts = opened.tab.evaluate(ASK, [f.name, dict(f.parameters), mean, deviation])
        found = [float(text.replace("Infinity", "inf")) for text in texts]
        wanted = integrals(f, mean, deviation)
        if np.isinf(f.moments().slope_second):  # a jump: the rule does not see it, Python's moments say so
            wanted[2] = np.inf
        rounding = 1e-15 * np.sqrt(wanted[1])  # an odd function's mean is 0
        assert found[0] == pytest.approx(wanted[0], rel=EXACT, abs=rounding), f.name
        assert found[1:] == pytest.approx([*wanted[1:], 1 / np.sqrt(wanted[1])], rel=EXACT), f.name


def test_the_mean_of_an_odd_function_is_shown_as_0(opened):
    for name in ("tanh", "arctan", "identity", "hardshrink"):
        opened.go(f"#function?f={name}&sd=1.3")
        assert opened.text("[data-fact='mean']") == "0"


# Linear or not


def test_what_the_laws_differ_by(opened):
    opened.go("#linear?f=elu&a=-1.25&b=-2&c=1.5")
    f = nonlin.function("elu")
    gap = abs(f(-3.25) - (f(-1.25) + f(-2.0)))
    assert opened.tab.locator("td.no").first.inner_text() == f"differ by {gap:.4g}"


# Vanishing: all that stands below the charts


class Draws:
    """The page's random numbers (mulberry32, Box and Muller), written a second time."""

    def __init__(self, seed):
        self.state = seed

    def uniform(self):
        self.state = (self.state + 0x6D2B79F5) % 2**32
        mixed = (self.state ^ self.state >> 15) * (self.state | 1) % 2**32
        mixed ^= (mixed + (mixed ^ mixed >> 7) * (mixed | 61)) % 2**32
        return (mixed ^ mixed >> 14) / 2**32

    def normal(self, count, scale):
        # one after the other, as the page draws them
        pairs = np.array([(self.uniform(), self.uniform()) for _ in range(count)])
        return scale * np.sqrt(-2 * np.log1p(-pairs[:, 0])) * np.cos(2 * math.pi * pairs[:, 1])


def tried(f, *, sigma, bias, width, depth, seed):
    """The decades of a random network's gradient, from its last layer to its first."""
    draws = Draws(seed)
    h, weights, slopes = draws.normal(width, 1.0), [], []
    for _ in range(depth):
        weights.append(draws.normal(width * width, np.sqrt(sigma / width)).reshape(width, width))
        u = draws.normal(width, np.sqrt(bias)) + weights[-1] @ h
        slopes.append(f.slope(u))
        h = f(u)
    last = g = draws.normal(width, 1.0)
    for weight, slope in zip(weights[:0:-1], slopes[-2::-1], strict=True):
        g = (weight.T @ g) * slope
    return np.log10(np.sum(g * g) / np.sum(last * last)) / 2


@pytest.mark.parametrize("name", ["tanh", "gelu", "leaky_relu", "snake"])
def test_vanishing_number_by_number(opened, name):
    opened.go(f"#vanishing?f={name}&init=own&sw=1.5&sb=0.1&depth=12&width=16&seed=5")
    f = nonlin.function(name)
    forecast = f.layers(12, weight_variance=1.5, bias_variance=0.1)
    assert opened.fact("sigma") == 1.5
    assert near(opened.fact("q"), forecast.variance[-1])
    assert near(opened.fact("chi"), forecast.chi1[-1])
    assert near(opened.fact("factor"), forecast.gradient[0])
    assert near(opened.fact("change"), np.log10(forecast.gradient[0]))
    right = tried(f, sigma=1.5, bias=0.1, width=16, depth=12, seed=5)
    assert near(opened.fact("tried"), right)
    assert not near(tried(f, sigma=1.5, bias=0.1, width=16, depth=12, seed=6), right)


# Folding: the affine map of every region, and the largest possible number


FOLD = """(layers) => nonlin.foldPlane(layers, [[-3, 3], [-3, 3]])
    .cells.map(({ points, maps }) => ({ points, maps }))"""


def as_page(network, shape):
    """The layers of a network as the page's modules take them."""
    return [
        {
            "weight": layer.weight.tolist(),
            "bias": layer.bias.tolist(),
            "pieces": layer.pieces and {"cuts": layer.pieces.cuts, "lines": layer.pieces.lines},
        }
        for layer in layers.chain(network, shape, most=100_000)
    ]


def assert_same_maps(found, cells):
    """Each region has Python's affine map, to 1e-12 of its largest entry, and Python's corners."""
    wanted = list(cells)
    middles = np.array([cell.vertices.mean(axis=0) for cell in wanted])
    taken = set()
    for region in found:
        points, maps = np.array(region["points"]), np.array(region["maps"])
        k = int(np.abs(middles - points.mean(axis=0)).sum(axis=1).argmin())
        taken.add(k)
        right = np.column_stack([wanted[k].weight, wanted[k].bias])
        assert np.abs(maps - right).max() <= EXACT * np.abs(right).max()
        gaps = np.abs(points[:, None] - wanted[k].vertices[None]).sum(axis=2)
        assert max(gaps.min(axis=0).max(), gaps.min(axis=1).max()) <= EXACT * 6
    assert len(found) == len(wanted) == len(taken)


@pytest.mark.parametrize("hidden", ["16,16", "12,12,12"])
def test_the_affine_maps_of_a_plane(opened, tmp_path, hidden):
    opened.go(f"#plane?hidden={hidden}&seed=11&set=none")
    network = opened.exported(tmp_path).network
    cells = nonlin.geometry.plane(network, [0, 0], [1, 0], [0, 1], window=(-3, 3, -3, 3))
    found = opened.tab.evaluate(FOLD, as_page(network, (2,)))
    assert_same_maps(found, cells.cells)
    found[0]["maps"][0][0] += 1e-9
    with pytest.raises(AssertionError):
        assert_same_maps(found, cells.cells)
    assert opened.fact("most") == nonlin.geometry.count(network, [-3, -3], [3, 3]).arrangement
    assert opened.fact("parameters") == network.parameters


@pytest.mark.parametrize("address", ["n=5", "n=3&m=4"])
def test_the_largest_possible_number_of_pieces(opened, tmp_path, address):
    opened.go(f"#line?{address}")
    network = opened.exported(tmp_path).network
    assert opened.fact("most") == nonlin.geometry.count(network, [-4], [4]).arrangement


SLICE = """([layers, p, q, r]) => nonlin.foldPlane(nonlin.onPlane(layers, p, q, r), [[-0.25, 1.25], [-0.25, 1.25]])
    .cells.map(({ points, maps }) => ({ points, maps }))"""


def test_the_affine_maps_and_the_units_of_the_demonstration(opened):
    opened.go("#network")
    network = nonlin.read(demonstration.model_path())
    data = read_data(demonstration.data_path())
    first = np.sort(np.unique(data["labels"], return_index=True)[1])[:3]
    samples = data["images"][first].astype(np.float64)
    cells = nonlin.geometry.plane(network, *samples, window=(-0.25, 1.25, -0.25, 1.25))
    flat = samples.reshape(3, -1).tolist()
    found = opened.tab.evaluate(SLICE, [as_page(network, samples.shape[1:]), *flat])
    assert_same_maps(found, cells.cells)
    for call in nonlin.inspect(demonstration.model_path(), demonstration.data_path()).calls:
        shown = [opened.text(f"[data-call='{call.name}-{key}']") for key in ("units", "dead", "linear")]
        assert shown == [str(call.units), str(call.dead), str(call.linear)]


# Build any function: the error, in rational arithmetic


def test_the_error_of_the_fit_is_that_of_the_saved_network(opened, tmp_path):
    drawn = np.clip(np.random.default_rng(4).normal(0, 1, 97), -2.5, 2.5).round(3)
    for n in (3, 17, 40):
        opened.go(f"#fit?n={n}&y={','.join(map(str, drawn))}")
        saved = opened.exported(tmp_path)
        first, last = (node.operator for node in saved.network.nodes if hasattr(node.operator, "weight"))
        knots, changes = (
            [-Fraction(float(b)) for b in first.bias],
            [Fraction(float(w)) for w in last.weight[0]],
        )
        gaps = [
            abs(
                sum(
                    (c * max(Fraction(float(x)) - t, 0) for c, t in zip(changes, knots, strict=True)),
                    start=Fraction(float(last.bias[0])),
                )
                - Fraction(float(y))
            )
            for x, y in saved.points
        ]
        assert opened.fact("error") == pytest.approx(float(max(gaps)), rel=EXACT)
        assert opened.fact("worst") == saved.points[gaps.index(max(gaps)), 0]
        assert opened.fact("units") == len(changes) == n


# What is written is the number, rounded


@pytest.mark.parametrize("panel", ["function", "line", "plane", "fit", "vanishing", "network"])
def test_what_is_written_is_the_number(opened, panel):
    opened.go(f"#{panel}")
    pairs = opened.tab.locator("[data-fact]").evaluate_all(
        "nodes => nodes.map((node) => [node.dataset.value, node.textContent])"
    )
    compared = 0
    for value, text in pairs:
        plain = text.replace("−", "-").replace("%", "").strip()
        try:
            number = float(value)
            shown = float(plain)
        except ValueError:
            continue
        assert shown == pytest.approx(number, rel=6e-3 if panel == "vanishing" else 6e-4)
        compared += 1
    assert compared >= 3
