"""What a recorder gathers while the network runs, call by call."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from nonlin.inspection.rank import Spread, effective_rank, measure_spread, merge_spreads
from nonlin.inspection.recording import CallSite, RecordedCall
from nonlin.inspection.statistics import Slope, UnitStatistics, measure, merge, thin

__all__ = ["CallGathering"]

Array = npt.NDArray[Any]

_VALUES_KEPT = 4096
_VALUES_A_BATCH = 512


@dataclass(slots=True, kw_only=True)
class CallGathering:
    """The statistics of one call so far."""

    site: CallSite
    shape: tuple[int, ...] = ()
    statistics: UnitStatistics | None = None
    spread: Spread | None = None
    gradient_squares: float = 0.0
    gradient_samples: int = 0
    values: list[Array] = field(default_factory=list)

    def add(self, pre_activation: Array, output: Array, slope: Slope | None) -> None:
        """Measure a batch; one without values, as of an expert that nothing was sent to, changes nothing.

        Args:
            pre_activation: shape (batch, …).
            output: the same shape.
            slope: returns f'(u) / max abs f' of a part of the batch; None where that is not one number.
        """
        if not pre_activation.size:
            return
        self.shape = tuple(pre_activation.shape[1:])
        new = measure(
            pre_activation,
            output,
            slope,
            unit_axis=self.site.unit_axis,
            rests_at_zero=self.site.function.rests_at_zero,
        )
        self.statistics = new if self.statistics is None else merge(self.statistics, new)
        self.values.append(thin(pre_activation, _VALUES_A_BATCH))
        self.add_spread(measure_spread(output, self.site.unit_axis))

    def add_spread(self, spread: Spread | None) -> None:
        """Add how the units of a batch vary together."""
        if self.spread is None or spread is None:
            self.spread = self.spread or spread
        else:
            self.spread = merge_spreads(self.spread, spread)

    def add_gradient(self, squares: float, samples: int) -> None:
        """Add a batch's gradient.

        Args:
            squares: the sum of the squares of its entries, each sample's gradient being that of the sample's own
                loss (the losses of a batch are summed, not averaged).
            samples: the number of samples.
        """
        self.gradient_squares += squares
        self.gradient_samples += samples

    def finish(self) -> RecordedCall:
        """Return what was gathered, as a value."""
        assert self.statistics is not None  # noqa: S101 - a call is created when it is first seen
        gradient = None
        if self.gradient_samples:
            gradient = float(np.sqrt(self.gradient_squares / self.gradient_samples))
        return RecordedCall(
            site=self.site,
            shape=self.shape,
            statistics=self.statistics,
            gradient=gradient,
            values=thin(np.concatenate(self.values), _VALUES_KEPT),
            rank=None if self.spread is None else effective_rank(self.spread),
        )
