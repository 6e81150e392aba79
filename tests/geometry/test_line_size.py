"""A line with more folds than memory is cut before it is filled."""

import numpy as np
import pytest

from nonlin.errors import UnsupportedModelError
from nonlin.functions import function
from nonlin.geometry import line, rows, stretches
from nonlin.geometry.floating import Floating
from nonlin.geometry.stretches import swept_by_stretches
from nonlin.networks import Network, Node, Tensor
from nonlin.networks.activation import Activation
from nonlin.networks.affine import Dense


def wide(units):
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((units, 2))
    return Network(
        name="wide",
        inputs=(Tensor(name="x", shape=(None, 2), dtype="float64"),),
        outputs=(Tensor(name="y", shape=(None, units), dtype="float64"),),
        nodes=(
            Node(name="dense", operator=Dense(weight=weight), inputs=("x",), output="h"),
            Node(name="call", operator=Activation(function=function("relu")), inputs=("h",), output="y"),
        ),
        parameters=weight.size,
    )


def test_a_line_that_does_not_fit_is_cut_and_is_the_same(monkeypatch):
    network, ends = wide(200), (np.array([-1.0, 0.3]), np.array([1.0, -0.2]))
    whole = line(network, *ends)
    for most in ((whole.count + 1) * 200, (whole.count + 1) * 200 - 1, 3000):
        monkeypatch.setattr(rows, "_MOST_NUMBERS", most)
        seen = []
        parts = line(network, *ends, progress=seen.append)
        assert parts.certified
        assert parts.calls == whole.calls
        assert np.array_equal(parts.units, whole.units)
        np.testing.assert_allclose(parts.breakpoints, whole.breakpoints, rtol=1e-12)
        np.testing.assert_allclose(parts.outputs, whole.outputs, atol=1e-12)
        assert np.array_equal(parts.jumps, whole.jumps)
        assert seen == sorted(set(seen))
        assert 0 < seen[0] <= 0.5
        assert seen[-1] == 1
    assert len(seen) > 20


def test_a_fold_on_a_cut_is_not_certified(monkeypatch):
    network = wide(200)
    ends = (np.array([-1.0, 0.3]), np.array([1.0, -0.2]))
    monkeypatch.setattr(stretches.np, "linspace", lambda low, high, _: np.array([low, line_cut, high]))
    line_cut = float(line(network, *ends).breakpoints[70])
    monkeypatch.setattr(rows, "_MOST_NUMBERS", 190 * 200)
    found = swept_by_stretches(Floating(), network, np.stack(ends))
    assert found.undecided > 0


def test_where_no_cut_helps_it_is_refused_by_name(monkeypatch):
    monkeypatch.setattr(rows, "_MOST_NUMBERS", 200)
    with pytest.raises(UnsupportedModelError, match=r"folds by node 'call' and 200 numbers at each"):
        line(wide(200), np.array([-1.0, 0.3]), np.array([1.0, -0.2]))


def test_without_stretches_a_line_that_does_not_fit_is_refused(monkeypatch):
    network, ends = wide(200), (np.array([-1.0, 0.3]), np.array([1.0, -0.2]))
    whole = line(network, *ends, stretches=False)
    assert whole.count == line(network, *ends).count
    monkeypatch.setattr(rows, "_MOST_NUMBERS", whole.count * 200)
    with pytest.raises(UnsupportedModelError, match=r"got \d+ folds by node 'call'"):
        line(network, *ends, stretches=False)
