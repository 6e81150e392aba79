"""The properties of vector functions against samples: nothing found may contradict what is called proved."""

import numpy as np
import pytest

import nonlin

VECTORS = [f for f in nonlin.functions() if f.vector]
VECTORS += [nonlin.function("entmax", alpha=alpha) for alpha in (1.0, 1.2, 1.8, 2.0, 3.0)]
IDS = [f.label for f in VECTORS]

generator = np.random.default_rng(4)
SAMPLES = generator.normal(0, 1, (400, 4)) * 10.0 ** generator.uniform(-2, 2, (400, 1))
SAMPLES = np.vstack([SAMPLES, generator.normal([0, 0, -50, -50], 1e-3, (100, 4))])


def quotients(f, points, step):
    """Return how much f(x + step) differs from f(x), relative to the step."""
    return np.linalg.norm(f(points + step) - f(points), axis=-1) / np.linalg.norm(step, axis=-1)


def steepest(f):
    """Return the largest quotient over steps in many directions, the difference of the first two among them."""
    steps = [generator.normal(0, 1e-4, SAMPLES.shape) for _ in range(20)]
    steps.append(np.broadcast_to([1e-4, -1e-4, 0, 0], SAMPLES.shape))
    return max(quotients(f, SAMPLES, step).max() for step in steps)


@pytest.mark.parametrize("f", VECTORS, ids=IDS)
def test_range_sum_and_shift(f):
    found, values = f.properties, f(SAMPLES)
    low, high = found.range.value
    assert values.min() >= low
    assert values.max() <= high + 1e-15
    for end, taken in zip((values.min() == low, values.max() == high), found.attained.value, strict=True):
        assert end or not taken
    assert found.bounded.value == bool(np.isfinite([low, high]).all())
    assert found.sums_to_one.value == np.allclose(values.sum(axis=-1), 1, atol=1e-12)
    shifted = f(np.round(SAMPLES, 6) + 8.0)
    assert found.shift_invariant.value == np.allclose(shifted, f(np.round(SAMPLES, 6)), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("f", VECTORS, ids=IDS)
def test_an_end_that_is_not_attained_is_not_a_value_where_nothing_is_rounded(f):
    values = f(SAMPLES[np.abs(SAMPLES).max(axis=-1) < 15])
    for end, taken in zip(f.properties.range.value, f.properties.attained.value, strict=True):
        assert taken or not (values == end).any()


@pytest.mark.parametrize("f", VECTORS, ids=IDS)
def test_order(f):
    order = f.properties.order.value
    if order == "none":
        return
    points = SAMPLES[np.abs(SAMPLES).max(axis=-1) < 30]
    values = f(points)
    before = points[:, :, None] - points[:, None, :]
    after = values[:, :, None] - values[:, None, :]
    if order == "kept weakly":
        assert (after[before > 0] >= 0).all()
        assert (after[before > 0] == 0).any()
    else:
        assert (np.sign(after) == np.sign(before) * (-1 if order == "reversed" else 1)).all()


@pytest.mark.parametrize("f", VECTORS, ids=IDS)
def test_no_quotient_is_above_the_lipschitz_constant(f):
    found = f.properties.lipschitz
    if found.status == "unknown":
        assert found.value is None
        return
    most = steepest(f)
    assert most <= found.value + 1e-6
    if np.isfinite(found.value):
        assert most >= 0.95 * found.value


def test_a_constant_that_is_too_small_is_noticed():
    assert steepest(nonlin.function("sparsemax")) > 0.5


def test_log_softmax_has_the_slope_that_its_reason_names():
    f = nonlin.function("log_softmax")
    for n in (2, 5, 50):
        point = np.zeros(n)
        point[0] = 40.0
        step = np.zeros(n)
        step[0] = 1e-3
        assert quotients(f, point, step) == pytest.approx(np.sqrt(n - 1), rel=1e-6)


def test_which_are_piecewise_linear():
    names = {f.name for f in VECTORS if f.properties.piecewise_linear.value and f.label != "entmax(alpha=2)"}
    assert names == {"sparsemax", "crelu", "maxout", "hardmax"}
    for f in VECTORS:
        step = generator.normal(0, 1e-4, SAMPLES.shape)
        ordinary = np.abs(SAMPLES).max(axis=-1) < 3
        bend = (f(SAMPLES + step) - 2 * f(SAMPLES) + f(SAMPLES - step))[ordinary]
        bent = (np.abs(bend) > 1e-13).any(axis=-1).mean()
        assert (bent < 0.1) == f.properties.piecewise_linear.value
