"""Columns of a stage's matrix added to its map."""

from nonlin.geometry.cells.compilation import part
from nonlin.geometry.cells.tables import Plan
from nonlin.networks.array import Array

__all__ = ["add_four", "add_term", "bias_only"]


@part
def add_term(plan: Plan, target: Array, s: int, j: int, term: Array) -> None:
    """Add column j of a stage's matrix times a row of coefficients."""
    units = plan.units[s]
    if plan.dense[s] >= 0:
        start = plan.dense[s] + j * units
        weights = plan.weights[start : start + units]
        for k in range(len(term)):
            row, factor = target[k * units : (k + 1) * units], term[k]
            for u in range(units):
                row[u] += factor * weights[u]
    else:
        at = plan.column[s] + j
        for p in range(plan.column_starts[at], plan.column_starts[at + 1]):
            unit, weight = plan.rows[p], plan.values[p]
            for k in range(len(term)):
                target[k * units + unit] += term[k] * weight


@part
def add_four(plan: Plan, target: Array, s: int, which: Array, terms: Array) -> None:
    """Add four columns of a dense stage at once, which reads and writes the map only once."""
    units = plan.units[s]
    start = plan.dense[s]
    a = plan.weights[start + which[0] * units : start + (which[0] + 1) * units]
    b = plan.weights[start + which[1] * units : start + (which[1] + 1) * units]
    c = plan.weights[start + which[2] * units : start + (which[2] + 1) * units]
    d = plan.weights[start + which[3] * units : start + (which[3] + 1) * units]
    for k in range(terms.shape[1]):
        row = target[k * units : (k + 1) * units]
        w, x, y, z = terms[0, k], terms[1, k], terms[2, k], terms[3, k]
        for u in range(units):
            row[u] += (w * a[u] + x * b[u]) + (y * c[u] + z * d[u])


@part
def bias_only(plan: Plan, target: Array, s: int) -> None:
    """Write a map that is the stage's bias alone."""
    units, first = plan.units[s], plan.first[s]
    target[:] = 0.0
    constant = target[len(target) - units :]
    for u in range(units):
        constant[u] = plan.bias[first + u]
