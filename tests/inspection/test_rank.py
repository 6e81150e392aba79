import numpy as np
import pytest

from nonlin.inspection import Thresholds, inspect
from nonlin.inspection.rank import effective_rank, measure_spread, merge_spreads

RNG = np.random.default_rng(3)
SAMPLES = RNG.standard_normal((400, 16)).astype(np.float32)


def by_singular_values(x):
    """The definition, on the standardised data itself."""
    x = (x - x.mean(0)) / x.std(0)
    singular = np.linalg.svd(x, compute_uv=False)
    share = singular / singular.sum()
    share = share[share > 1e-12]
    return np.exp(-np.sum(share * np.log(share)))


@pytest.mark.parametrize("directions", [1, 2, 5, 20])
def test_the_effective_rank_is_that_of_the_definition(directions):
    x = (
        RNG.standard_normal((300, directions))
        @ RNG.standard_normal((directions, 20))
        * np.geomspace(1, 1e4, 20)
    )
    assert effective_rank(measure_spread(x, 1)) == pytest.approx(by_singular_values(x), rel=1e-3)


def test_batches_merge_into_the_whole():
    x = RNG.standard_normal((300, 12)) + 100
    parts = merge_spreads(measure_spread(x[:70], 1), measure_spread(x[70:], 1))
    whole = measure_spread(x, 1)
    assert parts.count == whole.count == 300
    np.testing.assert_allclose(parts.scatter, whole.scatter, rtol=1e-9, atol=1e-9)


def test_channels_are_units_and_positions_are_rows():
    x = RNG.standard_normal((6, 10, 5, 4))
    assert measure_spread(x, 1).count == 6 * 5 * 4
    assert measure_spread(x, 1).mean.shape == (10,)


def test_units_that_do_not_vary_and_rows_that_are_not_finite_do_not_count():
    x = RNG.standard_normal((300, 12))
    x[:, 3:] = x[:, :1]
    x[:, 8:] = 0.1
    assert effective_rank(measure_spread(x, 1)) == pytest.approx(by_singular_values(x[:, :8]), rel=1e-3)
    x[5, 0] = np.nan
    assert measure_spread(x, 1).count == 299
    x[:, 7:] = 0.1
    assert effective_rank(measure_spread(x, 1)) is None  # seven units
    assert effective_rank(measure_spread(np.full((9, 12), np.inf), 1)) is None


def equal_rows(units, inputs):
    weight = np.ones((units, 1)) * RNG.standard_normal(inputs)
    weight[::2] *= -1
    return weight, np.zeros(units)


def narrow(inspection):
    return [(f.call, f.severity, f.figure) for f in inspection.findings if f.kind == "low-rank"]


def test_a_layer_of_equal_rows_is_found_in_onnx(mlp, he):
    path = mlp([equal_rows(32, 16), he(32, 32, 1), he(8, 32, 2)], ["Relu", "Relu"])
    inspection = inspect(path, SAMPLES)
    (call, severity, figure), behind = narrow(inspection)
    assert (call, severity) == ("act0", "warning")
    assert behind[:2] == ("act1", "note")  # nothing can give it more
    assert figure == pytest.approx(1.94, abs=0.03)  # two groups of units whose outputs exclude each other
    assert inspection.calls[0].rank == figure
    assert inspection.calls[0].verdict == "low-rank"
    assert not narrow(inspect(path, SAMPLES, thresholds=Thresholds(low_rank=1.5)))


def test_before_the_answer_it_is_only_noted(mlp, he):
    path = mlp([he(32, 16, 0), equal_rows(32, 32), he(8, 32, 2)], ["Relu", "Relu"])
    assert [entry[:2] for entry in narrow(inspect(path, SAMPLES))] == [("act1", "note")]


@pytest.mark.parametrize("inputs", [1, 2, 4])
def test_inputs_of_few_directions_blame_no_call(mlp, he, inputs):
    few = SAMPLES[:, :inputs] @ RNG.standard_normal((inputs, 16)).astype(np.float32)
    path = mlp([equal_rows(32, 16), he(32, 32, 1), he(8, 32, 2)], ["Relu", "Relu"])
    assert not narrow(inspect(path, few))
