"""Bounds of many small linear programs against SciPy's solver, one by one, and against points."""

import numpy as np
import pytest
from scipy.optimize import linprog

from nonlin.geometry.verification import certificates
from nonlin.geometry.verification.certificates import Halfspaces, highest_of_least


def programs(seed, boxes, rows, within, inputs):
    rng = np.random.default_rng(seed)
    slope, constant = rng.normal(size=(boxes, rows + within, inputs)), rng.normal(size=(boxes, rows + within))
    slope[rng.random(slope.shape) < 0.2] = 0
    constant[:, rows:] += 0.5
    low = rng.normal(size=(boxes, inputs))
    high = low + np.where(rng.random(low.shape) < 0.2, 0.0, rng.random(low.shape))  # some inputs do not vary
    parts = (slice(None, rows), slice(rows, None))
    return *(Halfspaces(slope=slope[:, p], constant=constant[:, p]) for p in parts), (low, high)


@pytest.mark.parametrize("size", [(1, 0, 1), (4, 0, 5), (4, 6, 5), (1, 4, 3), (3, 8, 60), (1, 6, 300)])
def test_bounds_are_those_of_a_solver(size):
    rows, within, box = programs(sum(size), 40, *size)
    upper, points = highest_of_least(rows, within, box)
    empty = 0
    for b in range(40):
        matrix = -np.concatenate([rows.slope[b], within.slope[b]])
        ones = np.repeat([1.0, 0.0], [len(rows.slope[b]), len(within.slope[b])])
        found = linprog(
            [*np.zeros(matrix.shape[1]), -1.0],
            A_ub=np.column_stack([matrix, ones]),
            b_ub=np.concatenate([rows.constant[b], within.constant[b]]),
            bounds=[*zip(box[0][b], box[1][b], strict=True), (None, None)],
        )
        empty += found.status == 2
        if found.status == 2:
            assert upper[b] == -np.inf
        else:
            assert upper[b] == pytest.approx(-found.fun, abs=1e-7)
            assert (rows.slope[b] @ points[b] + rows.constant[b]).min() == pytest.approx(-found.fun, abs=1e-6)
    assert 0 < empty < 40 or size not in {(4, 6, 5), (1, 4, 3)}


@pytest.mark.parametrize("seed", range(3))
def test_whatever_the_multipliers_no_point_is_above_the_bound(seed, monkeypatch):
    rows, within, box = programs(seed, 60, 3, 4, 2)
    rng = np.random.default_rng(seed)

    def guess(*arguments):
        _slopes, _constants, _count, low, _high, found, points = arguments
        found[:] = rng.random(found.shape) * (rng.random(found.shape) < 0.5)
        points[:] = low

    monkeypatch.setattr(certificates, "multipliers", guess)
    upper, _ = highest_of_least(rows, within, box)
    x = box[0] + rng.random((5000, 1, 2)) * (box[1] - box[0])
    least = (np.einsum("bri,pbi->pbr", rows.slope, x) + rows.constant).min(axis=2)
    inside = (np.einsum("bri,pbi->pbr", within.slope, x) + within.constant >= 0).all(axis=2)
    assert inside.any()
    assert np.all(np.where(inside, least, -np.inf) <= upper)
    assert np.isfinite(upper).any()
