"""Counts in three dimensions against half-spaces put together one by one, in rational numbers, where folds coincide."""

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from networks_strategy import Building

from nonlin.functions import function
from nonlin.geometry import box
from nonlin.networks.activation import Activation
from nonlin.networks.affine import Dense

ROOM = [[s * (k == i) for k in range(3)] + [1] for i in range(3) for s in (1, -1)]
"""The half-spaces a · x + b ≥ 0 of the box [−1, 1]³."""


def determinant(a, b, c):
    return (
        a[0] * (b[1] * c[2] - b[2] * c[1])
        - a[1] * (b[0] * c[2] - b[2] * c[0])
        + a[2] * (b[0] * c[1] - b[1] * c[0])
    )


def corners(halfspaces):
    """Return every point where three planes meet within all half-spaces."""
    found = set()
    for three in combinations(halfspaces, 3):
        whole = determinant(*three)
        if not whole:
            continue
        right = [-h[3] for h in three]
        columns = list(zip(*(h[:3] for h in three), strict=True))
        point = []
        for k in range(3):
            replaced = [right if k == m else columns[m] for m in range(3)]
            point.append(Fraction(determinant(*replaced)) / whole)
        if all(value(h, point) >= 0 for h in halfspaces):
            found.add(tuple(point))
    return found


def value(row, point):
    return sum(a * x for a, x in zip(row, point, strict=False)) + row[3]


def has_interior(halfspaces):
    """Whether four corners span a body."""
    origin, *others = corners(halfspaces) or {(0, 0, 0)}
    edges = [[x - y for x, y in zip(point, origin, strict=True)] for point in others]
    return any(determinant(*three) for three in combinations(edges, 3))


def brute_force(layers, rows=None, halfspaces=None):
    """Return how many cells there are: every unit of the layer tries both sides, one after the other."""
    rows = [[Fraction(k == i) for k in range(4)] for i in range(3)] if rows is None else rows
    halfspaces = ROOM if halfspaces is None else halfspaces
    if not layers:
        return 1
    weight, bias = layers[0]
    sums = [
        [sum(Fraction(w) * row[k] for w, row in zip(ws, rows, strict=True)) for k in range(4)]
        for ws in weight
    ]
    sums = [[*row[:3], row[3] + Fraction(b)] for row, b in zip(sums, bias, strict=True)]
    waiting = [([], halfspaces)]
    for row in sums:
        parts = []
        for outputs, within in waiting:
            for sign in (1, -1):
                if any(row[:3]):
                    part = [*within, [sign * x for x in row]]
                    if not has_interior(part):
                        continue
                elif (sign > 0) != (row[3] > 0):
                    continue
                else:
                    part = within
                parts.append(([*outputs, row if sign > 0 else [Fraction(0)] * 4], part))
        waiting = parts
    return sum(brute_force(layers[1:], outputs, within) for outputs, within in waiting)


def network_of(layers):
    made = Building((3,))
    for weight, bias in layers:
        made.add(Dense(weight=np.array(weight, np.float64), bias=np.array(bias, np.float64)), (len(weight),))
        made.add(Activation(function=function("relu")))
    return made.network()


TIES = {
    "through corners and the middle": [([[1, 1, 0], [1, -1, 0], [0, 1, 1], [1, 1, 1]], [0, 0, 0, -1])],
    "equal, doubled, negated and zero": [
        ([[1, 2, 0], [2, 4, 0], [-1, -2, 0], [0, 0, 0], [0, 1, 1]], [1, 2, -1, 0, 0])
    ],
    "on a side of the box": [([[1, 0, 0], [0, 1, 0], [0, 0, 1]], [-1, 1, 0])],
    "three folds through one edge": [([[1, 0, 0], [0, 1, 0], [1, 1, 0]], [0, 0, 0])],
    "a second layer on the folds of the first": [
        ([[1, 0, 0], [-1, 0, 0], [0, 1, 1]], [0, 0, 0]),
        ([[1, 1, 0], [1, -1, 0], [1, 1, -1], [0, 0, 1]], [0, 0, 0, 0]),
    ],
    "a sawtooth": [([[2, 0, 0], [4, 0, 0]], [0, -2]), ([[2, -1], [4, -2]], [0, -1])],
    "a grid": [([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1]], [0.5, -0.5, 0.5, -0.5, 0])],
}


@pytest.mark.parametrize("name", TIES)
def test_ties_in_three_dimensions(name):
    layers = TIES[name]
    found = box(network_of(layers), -1.0, 1.0)
    assert found.certified
    assert found.count == brute_force(layers)
    np.testing.assert_allclose(found.volumes().sum(), 8, rtol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_small_whole_weights(seed):
    rng = np.random.default_rng(seed)
    shapes = ((4, 3), (3, 4))
    layers = [(rng.integers(-1, 2, s).tolist(), rng.integers(-1, 2, s[0]).tolist()) for s in shapes]
    found = box(network_of(layers), -1.0, 1.0)
    assert found.certified
    assert found.count == brute_force(layers)
    np.testing.assert_allclose(found.volumes().sum(), 8, rtol=1e-12)


def test_the_oracle_can_tell():
    assert not has_interior([*ROOM, [1, 0, 0, -1]])  # a side of the box alone
    assert has_interior([*ROOM, [1, 0, 0, Fraction(-1, 2)]])
    assert brute_force([([[1, 0, 0], [0, 1, 0]], [0, 0])]) == 4
