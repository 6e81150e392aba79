"""A vertex computed anew, with a bound on its error, as where its facets meet."""

import numpy as np

from nonlin.geometry.cells.compilation import kernel, part
from nonlin.geometry.cells.tables import Plan
from nonlin.geometry.cells.workspace import FACET, FACETS, Frames, Stack
from nonlin.geometry.rounding import OUTWARD
from nonlin.networks.array import Array

__all__ = ["refine"]

_ROUNDOFF = 2.0**-53
_MOST_DOUBT = 2.0**-22


@part
def _gather(plan: Plan, frames: Frames, stack: Stack, entry: int, at: int) -> None:
    """Write the functionals of a vertex's facets into the system, and behind each how far it can be off."""
    system, n1, row = frames.system, frames.box.shape[1], 0
    for bit in range(FACETS):
        if row == n1 - 1 or not (stack.masks[at] >> np.uint64(bit)) & np.uint64(1):
            continue
        fold = stack.entries[entry, FACET + bit]
        if fold < 0:
            for k in range(n1):
                system[row, k] = frames.domain[-1 - fold, k]
            system[row, n1] = 0.0
        elif fold >= plan.unit_fold[-1]:
            _between_entries(plan, frames, fold - plan.unit_fold[-1], row)
        else:
            s, u = plan.fold_stage[fold], plan.fold_unit[fold]
            kink = plan.kink_start[plan.bend[plan.first[s] + u]] + plan.fold_kink[fold]
            for k in range(n1):
                system[row, k] = frames.maps[plan.first[s] * n1 + k * plan.units[s] + u]
            system[row, n1 - 1] -= plan.kinks[kink]
            system[row, n1] = (frames.base[plan.first[s] + u] + plan.kink_error[kink]) * OUTWARD
        row += 1


@part
def _between_entries(plan: Plan, frames: Frames, pair: int, row: int) -> None:
    """Write the functional that is 0 where two entries of a pooling window are equal."""
    system, n1 = frames.system, frames.box.shape[1]
    larger, smaller, s = pair // plan.first[-1], pair % plan.first[-1], 0
    while plan.first[s + 1] <= larger:
        s += 1
    first, units = plan.first[s], plan.units[s]
    for k in range(n1):
        at = first * n1 + k * units - first
        system[row, k] = frames.maps[at + larger] - frames.maps[at + smaller]
    system[row, n1] = (frames.base[larger] + frames.base[smaller]) * OUTWARD


@part
def _invert(system: Array, n1: int, fixed: int) -> bool:  # noqa: C901 - Gauss's loops
    """Write an approximate inverse of the system without column `fixed` behind it, by Gauss and Jordan."""
    n = n1 - 1
    a = system[n1 : n1 + n]
    for i in range(n):
        for k in range(n):
            a[i, k] = system[i, k if k < fixed else k + 1]
            a[i, n + k] = 1.0 if i == k else 0.0
    for column in range(n):
        pivot = column
        for i in range(column + 1, n):
            if abs(a[i, column]) > abs(a[pivot, column]):
                pivot = i
        if not abs(a[pivot, column]) > 0.0:
            return False
        for k in range(2 * n):
            a[column, k], a[pivot, k] = a[pivot, k], a[column, k]
        inverse = 1.0 / a[column, column]
        for k in range(2 * n):
            a[column, k] *= inverse
        for i in range(n):
            if i != column:
                factor = a[i, column]
                for k in range(2 * n):
                    a[i, k] -= factor * a[column, k]
    return True


@part
def _move(system: Array, n1: int, fixed: int) -> None:
    """Take one step of Newton's towards where the facets meet; the ray stands in row 2 n1."""
    n = n1 - 1
    for i in range(n):
        residual = 0.0
        for k in range(n1):
            residual += system[i, k] * system[2 * n1, k]
        system[i, n1 + 1] = residual
    for k in range(n):
        step = 0.0
        for i in range(n):
            step += system[n1 + k, n + i] * system[i, n1 + 1]
        system[2 * n1, k if k < fixed else k + 1] -= step


@part
def _distance(system: Array, n1: int, fixed: int) -> float:
    """Bound how far the ray is from where the facets meet."""
    n, rounding = n1 - 1, (4 * n1 + 8) * _ROUNDOFF
    for i in range(n):
        residual, size = 0.0, 0.0
        for k in range(n1):
            residual += system[i, k] * system[2 * n1, k]
            size += abs(system[i, k] * system[2 * n1, k])
        system[i, n1 + 1] = abs(residual) + size * rounding + system[i, n1]
    farthest, contraction = 0.0, 0.0
    for k in range(n):
        distance, off = 0.0, 0.0
        for i in range(n):
            distance += abs(system[n1 + k, n + i]) * system[i, n1 + 1]
            product, size = 0.0, 1.0
            for m in range(n):
                term = system[n1 + k, n + m] * system[m, i if i < fixed else i + 1]
                product += term
                size += abs(term)
            off += abs((1.0 if i == k else 0.0) - product) + size * rounding
        farthest, contraction = max(farthest, distance), max(contraction, off)
    if not contraction < 0.5:
        return np.inf
    return float(farthest / (1.0 - contraction) * OUTWARD)


@kernel
def refine(plan: Plan, frames: Frames, stack: Stack, entry: int, at: int) -> bool:
    """Compute a vertex anew from its facets; return whether that made it more certain.

    With an approximate inverse R of the facets' system B the distance to the true vertex is at most
    ‖abs(R) r‖ / (1 − ‖I − R B‖) for residuals of at most r.

    Source: Rump, Verification methods, Acta Numerica 2010, section 10.
    """
    n1, system = frames.box.shape[1], frames.system
    vertex = stack.vertices[at]
    fixed = 0
    for k in range(n1):
        system[2 * n1, k] = vertex[k]
        if abs(vertex[k]) > abs(vertex[fixed]):
            fixed = k
    _gather(plan, frames, stack, entry, at)
    if not _invert(system, n1, fixed):
        return False
    _move(system, n1, fixed)
    _move(system, n1, fixed)
    doubt, size = _distance(system, n1, fixed), 0.0
    for k in range(n1):
        size = max(size, abs(system[2 * n1, k]))
    doubt = (doubt / size + 4 * _ROUNDOFF) * OUTWARD
    if not (doubt < 0.75 * vertex[n1] and doubt < _MOST_DOUBT):
        return False
    for k in range(n1):
        vertex[k] = system[2 * n1, k] / size
    vertex[n1] = doubt
    return True
