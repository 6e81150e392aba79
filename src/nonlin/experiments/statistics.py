"""What the trials of two functions tell apart, by SciPy's tests; a pure function of the trials."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy import stats

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CONFIDENCE", "LEVEL", "Pair", "interval", "least_seeds", "pairs"]

Array = npt.NDArray[np.float64]

LEVEL = 0.05
"""A difference is found where its corrected p-value is at most this, and its interval leaves 0 out."""

CONFIDENCE = 0.95

RESAMPLES = 4999
"""Of a bootstrap, and of a permutation test where there are too many signs to try them all."""

_SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The difference of two functions' test scores, first minus second, paired by seed.

    Args:
        first, second: their names.
        difference: its mean over the seeds.
        low, high: its 95 % interval, by the bias-corrected and accelerated bootstrap over seeds (Efron 1987).
        p: of the permutation test of the signs, two-sided; exact up to 12 seeds.
        adjusted: p, corrected for the number of pairs (Benjamini and Hochberg 1995).
        p_t: of the paired t test, uncorrected, for comparison; None where all differences are equal.
        effect: the mean difference over the standard deviation of the differences; None where that is 0.
        improvement: the probability that a run of the first does better than one of the second, a tie as a half.
        different: whether a difference is found.
    """

    first: str
    second: str
    difference: float
    low: float
    high: float
    p: float
    adjusted: float
    p_t: float | None
    effect: float | None
    improvement: float
    different: bool


def pairs(scores: Mapping[str, Array]) -> tuple[Pair, ...]:
    """Return every pair of functions.

    Args:
        scores: by name, shape (seeds,), in the same order of the seeds.
    """
    chosen = list(combinations(scores, 2))
    found = [_permutation(scores[a] - scores[b]) for a, b in chosen]
    adjusted = stats.false_discovery_control(found, method="bh") if found else []
    return tuple(
        _pair(names, (scores[names[0]], scores[names[1]]), p, float(q))
        for names, p, q in zip(chosen, found, adjusted, strict=True)
    )


def interval(values: Array) -> tuple[float, float]:
    """Return the 95 % interval of a mean by the bootstrap (BCa); the value itself where all are equal."""
    if np.ptp(values) == 0 or len(values) < 2:
        return float(values.mean()), float(values.mean())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        found = _bootstrap(values, "BCa")
        if not np.isfinite(found).all():  # where almost all values are equal, BCa has no answer
            found = _bootstrap(values, "percentile")
    return found


def least_seeds(functions: int) -> int:
    """Return the fewest seeds with which one function can be found to differ from all others.

    Of n signs 2 patterns of 2ⁿ are the most extreme, and the k − 1 pairs of that function share the level.
    """
    count = functions * (functions - 1) / 2
    seeds = 2
    while 2 / 2**seeds > LEVEL * (functions - 1) / count:
        seeds += 1
    return seeds


def _bootstrap(values: Array, method: Any) -> tuple[float, float]:
    result = stats.bootstrap(
        (values,),
        np.mean,
        confidence_level=CONFIDENCE,
        method=method,
        n_resamples=RESAMPLES,
        rng=np.random.default_rng(_SEED),
    ).confidence_interval
    return float(result.low), float(result.high)


def _permutation(differences: Array) -> float:
    if not differences.any():
        return 1.0
    result = stats.permutation_test(
        (differences,),
        np.mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        rng=np.random.default_rng(_SEED),
    )
    return float(result.pvalue)


def _pair(names: tuple[str, str], scores: tuple[Array, Array], p: float, adjusted: float) -> Pair:
    differences = scores[0] - scores[1]
    low, high = interval(differences)
    spread = float(differences.std(ddof=1))
    varied = np.ptp(differences) > 0
    wins = stats.mannwhitneyu(*scores).statistic / len(differences) ** 2
    return Pair(
        first=names[0],
        second=names[1],
        difference=float(differences.mean()),
        low=low,
        high=high,
        p=p,
        adjusted=adjusted,
        p_t=float(stats.ttest_rel(*scores).pvalue) if varied else None,
        effect=float(differences.mean()) / spread if spread > 0 else None,
        improvement=float(wins),
        different=bool(adjusted <= LEVEL and not low <= 0 <= high),
    )
