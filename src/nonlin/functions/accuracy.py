"""The error of a computed array in ULP, against ball arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from math import frexp, inf, isfinite, isnan
from typing import TYPE_CHECKING, Any

import numpy as np

from nonlin.functions.arb import enclose

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nonlin.functions.expression import Expression

__all__ = ["Errors", "errors", "sample"]

LAST_PLACES = {"float16": (11, -24), "bfloat16": (8, -133), "float32": (24, -149), "float64": (53, -1074)}
LARGEST = {"float16": 65504.0, "bfloat16": 3.3895313892515355e38, "float32": float(np.finfo(np.float32).max)}
LARGEST |= {"float64": float(np.finfo(np.float64).max)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """What was measured.

    Args:
        ulp: shape (points,), the error in units of the true value's last place; inf for a wrong NaN or infinity.
        absolute: shape (points,), the error itself.
        true: shape (points,), the true values rounded to float64.
    """

    ulp: NDArray[np.float64]
    absolute: NDArray[np.float64]
    true: NDArray[np.float64]


def errors(
    expressions: tuple[Expression, ...], points: NDArray[np.float64], results: tuple[NDArray[Any], ...]
) -> tuple[Errors, ...]:
    """Measure results against the exact values of expressions.

    Args:
        expressions: one for each array of results; the exact value of equal ones is computed once.
        points: shape (points,), finite; where the results were computed.
        results: shape (points,) each, of a floating type, bfloat16 included.
    """
    kind = results[0].dtype.name
    table = np.empty((len(expressions), 3, len(points)))
    computed = [result.astype(np.float64) for result in results]
    for i, u in enumerate(points):
        true = {expression: enclose(expression, float(u), bits=80) for expression in set(expressions)}
        for k, expression in enumerate(expressions):
            table[k, :, i] = _error(true[expression], float(computed[k][i]), kind)
    return tuple(Errors(ulp=row[0], absolute=row[1], true=row[2]) for row in table)


def _error(true: Any, got: float, kind: str) -> tuple[float, float, float]:
    nearest = float(true.mid())
    if isnan(got):
        return inf, inf, nearest
    mantissa, lowest = LAST_PLACES[kind]
    place = max(frexp(nearest)[1] - mantissa, lowest)
    if abs(nearest) > LARGEST[kind]:
        # beyond the largest number both it and infinity are right
        fine = abs(got) >= LARGEST[kind] and (got > 0) == (nearest > 0)
        return (0.0 if fine else inf), 0.0, nearest
    if not isfinite(got):
        return inf, inf, nearest
    difference = abs((true - got).mid())
    return float(difference * type(difference)(2) ** -place), float(difference), nearest


def sample(kind: str, count: int, marks: tuple[float, ...], seed: int = 0) -> NDArray[np.float64]:
    """Return points of a type that cover every magnitude, ±0, subnormals, the largest, and both sides of marks.

    Args:
        kind: float32 or float64.
        count: at least as many points.
        marks: breakpoints, of which both neighbours are taken, and many points around.
        seed: of the random ones.
    """
    dtype = np.dtype(kind)
    generator = np.random.default_rng(seed)
    info = np.finfo(dtype)
    low, high = np.log2(float(info.smallest_subnormal)), np.log2(float(info.max))
    third = count // 3
    magnitudes = 2.0 ** generator.uniform(low, high, third)
    parts = [magnitudes * generator.choice([-1.0, 1.0], third), generator.normal(0, 3, third)]
    # exp is subnormal from −708 to −745
    parts += [generator.uniform(-60, 60, count - 2 * third), generator.uniform(-750, -700, count // 20)]
    parts.append(np.array([0.0, -0.0, info.max, info.min, info.tiny, -info.tiny], np.float64))
    parts.append(np.array([info.smallest_subnormal, -info.smallest_subnormal], np.float64))
    for mark in marks:
        here = np.asarray(mark, dtype)
        beside = [np.nextafter(here, dtype.type(side)) for side in (-np.inf, np.inf)]
        parts.append(np.array([here, *beside], np.float64))
        parts.append(mark + generator.choice([-1.0, 1.0], 200) * 2.0 ** generator.uniform(-30, 0, 200))
    with np.errstate(over="ignore"):
        points = np.concatenate(parts).astype(dtype).astype(np.float64)
    return np.unique(points[np.isfinite(points)])
