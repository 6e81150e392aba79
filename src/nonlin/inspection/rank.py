"""How many directions the units of a call use together: the effective rank of their correlations.

Source: Roy and Vetterli 2007, The effective rank: a measure of effective dimensionality, definition 1.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Spread", "effective_rank", "measure_spread", "merge_spreads"]

Array = npt.NDArray[Any]

_UNITS = 64
"""So many units are looked at, evenly strided: a collapse to a few directions shows in them as in all."""

_ROWS_A_BATCH = 1024


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spread:
    """The mean and the scatter of some of a call's units over a part of the samples and positions.

    Args:
        count: of how many rows.
        mean: shape (kept units,).
        scatter: the sum of the outer products of the deviations, shape (kept units, kept units).
    """

    count: int
    mean: Array
    scatter: Array


@np.errstate(over="ignore", invalid="ignore")
def measure_spread(output: Array, unit_axis: int) -> Spread:
    """Measure one batch.

    Args:
        output: shape (batch, …), with at least two axes.
        unit_axis: the axis of the units.

    Returns:
        The spread over at most 64 units and 1,024 rows, both evenly strided. Rows with NaN or infinite entries are
        left out; next to the largest float64 the scatter overflows.
    """
    rows = np.moveaxis(output, unit_axis, -1)
    rows = rows[..., :: _stride(rows.shape[-1], _UNITS)]
    count = rows[..., 0].size
    places = np.unravel_index(np.arange(0, count, _stride(count, _ROWS_A_BATCH)), rows.shape[:-1])
    rows = rows[places].astype(np.float64)  # reshaping first would copy the whole
    if not np.all(np.isfinite(rows)):
        rows = rows[np.all(np.isfinite(rows), axis=1)]
    if not len(rows):
        return Spread(count=0, mean=np.zeros(rows.shape[1]), scatter=np.zeros((rows.shape[1], rows.shape[1])))
    mean = rows.mean(axis=0)
    rows = rows - mean
    return Spread(count=len(rows), mean=mean, scatter=rows.T @ rows)


@np.errstate(over="ignore", invalid="ignore")
def merge_spreads(a: Spread, b: Spread) -> Spread:
    """Return the spread of both batches together (Chan, Golub and LeVeque 1979)."""
    count = a.count + b.count
    step = b.mean - a.mean
    return Spread(
        count=count,
        mean=a.mean + step * (b.count / max(count, 1)),
        scatter=a.scatter + b.scatter + np.outer(step, step) * (a.count * b.count / max(count, 1)),
    )


def effective_rank(spread: Spread, *, least: int = 8) -> float | None:
    """Return exp of the entropy of the singular values, each divided by their sum.

    Every unit is scaled to the same variance first, so that a few large ones do not rule the figure.

    Args:
        spread: of the units.
        least: with fewer units that vary, or fewer rows, there is none.

    Returns:
        Between 1, where all units are one up to scale and sign, and the number of the units that vary; None as above,
        and where the scatter has overflown.

    >>> x = np.random.default_rng(0).standard_normal((500, 10))
    >>> round(effective_rank(measure_spread(x, 1)), 1), round(effective_rank(measure_spread(x[:, :1] * x[0], 1)), 1)
    (10.0, 1.0)
    """
    if not np.all(np.isfinite(spread.scatter)):
        return None
    variance = np.diag(spread.scatter) / max(spread.count, 1)
    # a constant unit has a variance of rounding errors, and no direction
    varies = variance > 1e-12 * (spread.mean**2 + variance.max(initial=0.0))
    if np.count_nonzero(varies) < least or spread.count < least:
        return None
    scale = np.sqrt(spread.count * variance[varies])
    correlation = spread.scatter[np.ix_(varies, varies)] / np.outer(scale, scale)
    singular = np.sqrt(np.maximum(np.linalg.eigvalsh(correlation), 0.0))
    # the root of an eigenvalue's rounding error is far larger than the error itself
    singular = singular[singular > 1e-5 * singular.max()]
    share = singular / singular.sum()
    return float(np.exp(-np.sum(share * np.log(share))))


def _stride(count: int, limit: int) -> int:
    return max(1, -(-count // limit))
