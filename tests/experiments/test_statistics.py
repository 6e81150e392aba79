"""The statistics on scores whose answer is known."""

import json
from pathlib import Path

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


def test_twins_are_found_alike_in_94_of_100_studies_of_recorded_trials_and_a_planted_difference_in_all():
    recorded = json.loads(Path(__file__).with_name("recorded_trials.json").read_text(encoding="utf-8"))
    relu = np.array(recorded["test_score"])
    rng = np.random.default_rng(3)
    twins = planted = 0
    for _ in range(100):
        drawn = relu[rng.permutation(len(relu))]
        found = pairs({"relu": drawn[:10], "twin": drawn[10:20], "planted": drawn[20:30] - 0.04})
        different = {(pair.first, pair.second): pair.different for pair in found}
        twins += different["relu", "twin"]
        planted += different["relu", "planted"]
    assert twins <= 6
    assert planted == 100


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
