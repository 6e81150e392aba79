import numpy as np
import pytest
from scipy.stats import norm

from nonlin.functions import function
from nonlin.inspection.prediction.normal import curve_of, nodes_of, products
from nonlin.networks.activation import Activation

NAMES = (
    "relu",
    "leaky_relu",
    "gelu",
    "silu",
    "mish",
    "elu",
    "selu",
    "tanh",
    "sigmoid",
    "hardswish",
    "softplus",
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("variance", [1e-6, 0.3, 1.0, 40.0, 1e6])
def test_the_moments_are_the_catalogues(name, variance):
    f = function(name)
    nodes = nodes_of(np.zeros(1), np.array([variance]), f.kinks)
    value, slope = f(nodes.u), f.slope(nodes.u)
    exact = f.moments(variance)
    assert nodes.expect(value)[0] == pytest.approx(exact.mean, rel=1e-6, abs=1e-9)
    assert nodes.expect(value**2)[0] == pytest.approx(exact.second, rel=1e-6)
    assert nodes.expect(slope**2)[0] == pytest.approx(exact.slope_second, rel=1e-6)


def test_a_mean_is_taken_into_account():
    mean, deviation = np.array([-3.0, 0.0, 0.7, 5.0]), np.array([1.0, 2.0, 0.5, 3.0])
    nodes = nodes_of(mean, deviation**2, (0.0,))
    found = nodes.expect(np.maximum(nodes.u, 0.0))
    ratio = mean / deviation
    assert found == pytest.approx(mean * norm.cdf(ratio) + deviation * norm.pdf(ratio), rel=1e-12)


def test_a_constant_stays_one():
    nodes = nodes_of(np.array([-1.0, 0.0, 2.0]), np.zeros(3), (0.0,))
    assert nodes.expect(np.maximum(nodes.u, 0.0)) == pytest.approx([0.0, 0.0, 2.0])


def test_products_of_correlated_values():
    # E[relu(u) relu(v)] for standard normals of correlation c is the arc-cosine kernel (Cho and Saul 2009)
    correlation = np.array([[1.0, 0.6, -0.3], [0.6, 1.0, 0.1], [-0.3, 0.1, 1.0]])
    curve = curve_of(Activation(function=function("relu")), (1, 3))
    nodes = nodes_of(np.zeros(3), np.ones(3), curve.kinks)
    values = curve.value(nodes.u)
    found = products(nodes.hermite(values), nodes.expect(values**2), correlation)
    angle = np.arccos(correlation)
    exact = (np.sin(angle) + (np.pi - angle) * correlation) / (2 * np.pi)
    assert found == pytest.approx(exact, abs=2e-4)
    assert found != pytest.approx(exact * 1.01, abs=2e-4)
