"""What a simplification gives: the network, what went, and how far it is from the original."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from nonlin.networks import Network
from nonlin.results import Result, columns_of, plain
from nonlin.simplification.removal import Removal

__all__ = ["Agreement", "Simplification", "Size"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far two networks are apart, measured.

    Args:
        difference: the largest difference of outputs in the files' own arithmetic, relative to the largest size of
            that output in the same run.
        difference_float64: the same with every number a float64, before weights are rounded to the file's type; None
            where that cannot be run.
        limit, limit_float64: what was allowed.
        rounding: how far the original is from itself in float64, relative in the same way; None where not measured.
        samples: how many inputs were compared, by where they come from.
        float64_only: how many of them in float64 only, since the original's own float32 says nothing there.
        reason: why there is no figure in float64; else empty.
    """

    difference: float
    difference_float64: float | None
    limit: float
    limit_float64: float
    rounding: float | None
    samples: dict[str, int]
    float64_only: int = 0
    reason: str = ""

    @property
    def holds(self) -> bool:
        """Whether both differences are within their limits."""
        wide = self.difference_float64
        return self.difference <= self.limit and (wide is None or wide <= self.limit_float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large a network is.

    Args:
        parameters: stored floating numbers, single ones left out.
        operations: nodes of the ONNX graph.
        units: of all dense layers and convolutions.
        bytes: of the file.
        seconds: one run in ONNX Runtime on one thread, the best of several; None where it is not installed.
    """

    parameters: int
    operations: int
    units: int
    bytes: int
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Simplification(Result):
    """A simplified network.

    Args:
        network: ready for `nonlin.write`.
        removed: what was taken out, each with its reason and certificate.
        before, after: the sizes.
        agreement: how far it is from the original.
        box: over which inputs it holds, in words; "" for all.
        notes: what was not done, and why.
    """

    network: Network = field(repr=False)
    removed: tuple[Removal, ...]
    before: Size
    after: Size
    agreement: Agreement
    box: str = ""
    notes: tuple[str, ...] = ()

    @property
    def largest_difference(self) -> float:
        """The largest relative difference in the file's own arithmetic."""
        return self.agreement.difference

    @property
    def proven(self) -> bool:
        """Whether every removal is proven."""
        return all(removal.proven for removal in self.removed)

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the weights as values that JSON has."""
        return {"schema": 1, **plain(self), "network": self.network.name, "proven": self.proven}

    def columns(self) -> dict[str, list[Any]]:
        """Return what was taken out, one entry a removal, as data frames take it."""
        return columns_of(Removal, self.removed)

    def counts(self) -> dict[str, int]:
        """Return how many units or nodes went, by kind."""
        total: Counter[str] = Counter()
        for removal in self.removed:
            total[removal.kind] += max(1, len(removal.units))
        return dict(total)
