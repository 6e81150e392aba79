"""Pictures of what ReLUs build, through their artists."""

import numpy as np

import nonlin
from nonlin import pictures
from nonlin.functions.curve import sample


def test_the_neurons_and_what_they_make_together():
    x = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    parts = np.maximum(np.stack([x, x - 1, -x], axis=1), 0) * [1.0, -2.0, 0.5]
    left, right = pictures.neurons(x, parts, parts.sum(axis=1)).axes
    for i in range(3):
        (line,) = (line for line in left.lines if line.get_label() == f"neuron {i + 1}")
        np.testing.assert_array_equal(line.get_ydata(), parts[:, i])
    (line,) = (line for line in right.lines if line.get_label() == "together")
    np.testing.assert_array_equal(line.get_ydata(), parts.sum(axis=1))


def test_an_approximation_stays_within_its_error():
    found = nonlin.approximate("gelu", (-4, 4), tolerance=0.05)
    top, bottom = pictures.approximation(found, sample(nonlin.function("gelu"), -4, 4)).axes
    (network,) = (line for line in top.lines if line.get_label() == f"{found.pieces} ReLUs")
    np.testing.assert_array_equal(network.get_xdata(), found.knots)
    difference = bottom.lines[0].get_ydata()
    assert 0.9 * found.error < np.abs(difference).max() <= found.error * (1 + 1e-9)
    edges = [line.get_ydata()[0] for line in bottom.lines if line.get_gid() == "error"]
    assert edges == [-found.error, found.error]
