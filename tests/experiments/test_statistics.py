"""The statistics on scores whose answer is known."""

import numpy as np
import pytest

from nonlin.experiments.statistics import interval, least_seeds, pairs


def normal(seed, count=10, mean=0.95, spread=0.01):
    return np.random.default_rng(seed).normal(mean, spread, count)


def test_a_planted_difference_is_found():
    relu = normal(0)
    (pair,) = pairs({"relu": relu, "worse": relu - 0.02 + normal(1, mean=0, spread=0.003)})
    assert pair.different
    assert pair.low < 0.02 < pair.high
    assert pair.improvement > 0.8


def test_the_same_scores_are_no_difference():
    (pair,) = pairs({"relu": normal(0), "twin": normal(0)})
    assert (pair.different, pair.difference, pair.p, pair.effect, pair.improvement) == (
        False,
        0,
        1,
        None,
        0.5,
    )


def test_twins_with_other_seeds_are_found_alike_in_94_of_100_studies():
    rng = np.random.default_rng(3)
    recorded = normal(4, 60)
    found = 0
    for _ in range(100):
        drawn = rng.permutation(recorded)
        family = {
            "relu": drawn[:10],
            "twin": drawn[10:20],
            "worse": drawn[20:30] - 0.05,
        }
        found += next(p for p in pairs(family) if p.second == "twin").different
    assert found <= 6


def test_too_few_seeds_find_nothing():
    assert least_seeds(2) == 6
    (pair,) = pairs({"a": np.arange(5) / 100 + 0.9, "b": np.arange(5) / 100})
    assert not pair.different
    (pair,) = pairs({"a": np.arange(6) / 100 + 0.9 + normal(0, 6, 0), "b": np.arange(6) / 100})
    assert pair.different


def test_correction_for_many_pairs():
    scores = {str(i): normal(i) for i in range(8)}
    found = pairs(scores)
    assert len(found) == 28
    assert all(pair.adjusted >= pair.p for pair in found)


def test_interval_of_equal_values_is_the_value():
    assert interval(np.full(4, 0.5)) == (0.5, 0.5)


def test_interval_covers_the_mean():
    low, high = interval(normal(0, 40))
    assert low < 0.95 < high
    assert high - low == pytest.approx(2 * 1.96 * 0.01 / 40**0.5, rel=0.4)
