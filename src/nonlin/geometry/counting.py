"""The number of linear regions beside what is known of it: after every call, at most, and in a random network."""

from dataclasses import dataclass, replace
from functools import cache
from math import comb, factorial
from typing import Any

import numpy as np

from nonlin.geometry.cells.cells import Cells, counted
from nonlin.geometry.cells.chain import Chain, Stage
from nonlin.results import Result, plain

__all__ = ["Count", "count_of", "regions_after"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Count(Result):
    """How many linear regions there are, and how many there could be.

    Args:
        count: the regions of the whole network.
        certified, reason: as of `Cells`.
        after: the regions after each call, by its name: those of the network up to there.
        arrangement: no network with these calls has more: the product over the calls of the most parts into which their
            folds, as hyperplanes, cut a space of so many dimensions (Zaslavsky 1975; Montúfar 2017).
        serra: the tighter bound for plain ReLU networks (Serra, Tjandraatmadja and Ramalingam 2018, theorem 1), which
            knows that a unit that is off takes a dimension away; None for other networks.
        montufar: so many regions some choice of the weights does reach, where each call has at least as many units as
            there are dimensions (Montúfar, Pascanu, Cho and Bengio 2014); None for other networks.
        estimate: about so many has a ReLU network of random weights in the whole space, whatever its depth: N^d / d!
            for N units in d dimensions (Hanin and Rolnick 2019: their bound on the expected number, with its constant
            set to 1). In a box it has fewer. None for other networks.
    """

    count: int
    certified: bool
    reason: str
    after: dict[str, int]
    arrangement: int
    serra: int | None
    montufar: int | None
    estimate: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return the count and the bounds as values that JSON has."""
        found: dict[str, Any] = plain(self)
        return found

    def columns(self) -> dict[str, list[Any]]:
        """Return the regions after each call, as data frames take them."""
        return {"call": list(self.after), "regions": list(self.after.values())}


def count_of(found: Cells) -> Count:
    """Put the known bounds beside what was counted on a plane, in a box or in the whole space."""
    chain, dimensions = found.problem.chain, found.problem.domain.dimensions
    widths = [_hyperplanes(stage) for stage in chain.stages if stage.folds]
    relu = all(_only_relu(stage) for stage in chain.stages if stage.folds)
    return Count(
        count=found.count,
        certified=found.certified,
        reason=found.reason,
        after=regions_after(found) if found.certified else {},
        arrangement=_arrangement(widths, dimensions),
        serra=_serra(widths, dimensions) if relu else None,
        montufar=_montufar(widths, dimensions) if relu and widths and min(widths) >= dimensions else None,
        estimate=_random(sum(widths), dimensions) if relu else None,
    )


def regions_after(found: Cells) -> dict[str, int]:
    """Return how many regions the network has up to each call, in its order; the last is the count itself."""
    stages = found.problem.chain.stages
    last = max((i for i, stage in enumerate(stages) if stage.folds), default=-1)
    after = {}
    for i, stage in enumerate(stages[: last + 1]):
        if not stage.folds:
            continue
        if i == last:
            after[stage.call] = found.count
            continue
        part = Chain(inputs=found.problem.chain.inputs, stages=stages[: i + 1], outputs=np.zeros(1, np.intp))
        after[stage.call] = int(counted(replace(found.problem, chain=part))["count"])
    return after


def _hyperplanes(stage: Stage) -> int:
    """Return the number of hyperplanes on which a stage can fold."""
    if stage.windows:
        return sum(comb(len(window), 2) for window in stage.windows)
    return sum(len(stage.bends[bend].kinks) for bend in stage.bend if bend >= 0)


def _only_relu(stage: Stage) -> bool:
    """Return whether every unit of a stage is a ReLU, so that nothing passes it by."""
    return not stage.windows and all(
        bend >= 0 and stage.bends[bend].kinks == (0,) and tuple(stage.bends[bend].slopes) == (0, 1)
        for bend in stage.bend
    )


def _parts(hyperplanes: int, dimensions: int) -> int:
    """Return into how many parts hyperplanes cut a space at most (Zaslavsky 1975)."""
    return sum(comb(hyperplanes, j) for j in range(dimensions + 1))


def _arrangement(widths: list[int], dimensions: int) -> int:
    product = 1
    for width in widths:
        product *= _parts(width, dimensions)
    return product


def _serra(widths: list[int], dimensions: int) -> int:
    """Return Σ ∏ C(n_l, j_l) over all j with j_l ≤ min(n₀, n₁ − j₁, …, n_{l−1} − j_{l−1}, n_l)."""

    @cache
    def below(layer: int, most: int) -> int:
        if layer == len(widths):
            return 1
        width = widths[layer]
        return sum(
            comb(width, j) * below(layer + 1, min(most, width - j)) for j in range(min(most, width) + 1)
        )

    return below(0, dimensions)


def _montufar(widths: list[int], dimensions: int) -> int:
    product = _parts(widths[-1], dimensions)
    for width in widths[:-1]:
        product *= (width // dimensions) ** dimensions
    return product


def _random(units: int, dimensions: int) -> float:
    return float(2.0**units if units < dimensions else units**dimensions / factorial(dimensions))
