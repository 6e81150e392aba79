"""The whole input space as cones between folds, so that no large box stands for it and no cell is cut that has no fold.

The first folds that are independent cut the space into simple cones: those are the roots. Their coordinates are the
units themselves, y = W x + b for the chosen units, in which a cone is an orthant with its apex at 0.
"""

import itertools
from typing import Any

import numpy as np
from flint import fmpq, fmpq_mat

from nonlin.errors import InvalidInputError, UnsupportedModelError
from nonlin.geometry.cells.chain import Chain
from nonlin.geometry.cells.domain import MOST_DIMENSIONS, Domain, Root, fraction
from nonlin.geometry.cells.exact import exact_stages, floats, mapped
from nonlin.networks.array import Array

__all__ = ["space_domain"]


def space_domain(chain: Chain) -> Domain | None:
    """Return the whole space of a network's inputs, up to directions in which it is constant; None for a constant.

    Raises:
        UnsupportedModelError: if its first folds are those of pooling, or do not see what later ones do.
        InvalidInputError: if it varies in too many dimensions.
    """
    first = next((i for i, stage in enumerate(chain.stages) if stage.folds), None)
    if first is None:
        return None
    stage = chain.stages[first]
    if stage.windows:
        raise UnsupportedModelError(
            f"expected a network whose first call is an activation, got the pooling '{stage.call}'; take a box"
        )
    rows, folds = _functionals(chain, first)
    chosen = _independent(floats(rows)[:, :-1]) if rows else []
    passing = (stage.bend < 0) & (np.abs(_weights(chain, first)).max(axis=1, initial=0.0) > 0)
    if np.any(passing) and len(chosen) < chain.inputs:
        raise UnsupportedModelError(
            f"expected the first folds, those of '{stage.call}', to see every input, but some pass by; take a box"
        )
    if len(chosen) > MOST_DIMENSIONS:
        raise InvalidInputError(
            f"expected a network of at most {MOST_DIMENSIONS} inputs, got {len(chosen)}; take a box or a plane"
        )
    return _cones([rows[i] for i in chosen], [folds[i] for i in chosen]) if chosen else None


def _weights(chain: Chain, first: int) -> Array:
    weights: Array = floats(_affine(chain, first))[:, :-1]
    return weights


def _affine(chain: Chain, first: int) -> list[list[Any]]:
    """Return the first stage that bends as exact functions of the inputs."""
    n = chain.inputs
    rows = [[fmpq(int(i == k)) for k in range(n + 1)] for i in range(n)]
    for exact in exact_stages(chain, first + 1).stages:
        rows = mapped(exact, rows)
    return rows


def _functionals(chain: Chain, first: int) -> tuple[list[list[Any]], list[tuple[int, int]]]:
    stage, rows, folds = chain.stages[first], [], []
    for unit, row in enumerate(_affine(chain, first)):
        bends = stage.bends[stage.bend[unit]] if stage.bend[unit] >= 0 else None
        if bends is not None and bends.kinks:
            rows.append([*row[:-1], row[-1] - fraction(bends.kinks[0])])
            folds.append((unit, 0))
    return rows, folds


def _independent(weights: Array) -> list[int]:
    """Return as many independent rows as there are; which are, is told by elimination in fractions."""
    from scipy.linalg import qr

    sizes = np.abs(weights).max(axis=1, keepdims=True)
    order = qr((weights / np.where(sizes > 0, sizes, 1)).T, pivoting=True, mode="economic")[2].tolist()
    chosen: list[int] = []
    for i in order:
        trial = fmpq_mat([[fraction(x) for x in weights[k].tolist()] for k in (*chosen, i)])
        if trial.rank() > len(chosen):
            chosen.append(i)
        if len(chosen) == weights.shape[1]:
            break
    return chosen


def _cones(rows: list[list[Any]], folds: list[tuple[int, int]]) -> Domain:
    r = len(rows)
    weight = fmpq_mat([row[:-1] for row in rows])
    directions = weight.transpose() * (weight * weight.transpose()).inv()
    apex = directions * fmpq_mat([[-row[-1]] for row in rows])
    start = [[*row, *end] for row, end in zip(directions.tolist(), apex.tolist(), strict=True)]
    roots = []
    for signs in itertools.product((-1, 1), repeat=r):
        vertices = [[fmpq(0)] * r + [fmpq(1)]]
        masks = [(1 << r) - 1]
        for i, sign in enumerate(signs):
            vertices.append([fmpq(sign if i == k else 0) for k in range(r + 1)])
            masks.append((1 << (r + 1)) - 1 - (1 << i))
        known = {fold: int(sign > 0) for fold, sign in zip(folds, signs, strict=True)}
        roots.append(Root(vertices=vertices, masks=masks, known=known))
    return Domain(dimensions=r, start=start, facets=np.eye(r + 1), roots=tuple(roots))
