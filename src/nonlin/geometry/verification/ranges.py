"""The range of an output over a box, closed as far as branch and bound comes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nonlin.geometry.cells.lowering import lower
from nonlin.geometry.checks import box_ends, box_shape, check_output, readied
from nonlin.geometry.verification.linear import LeastOf
from nonlin.geometry.verification.propagation import prepare
from nonlin.geometry.verification.search import Limits, Maximum, Progress, maximize, threads_of
from nonlin.networks import Network
from nonlin.networks.array import Array
from nonlin.results import Result, plain

__all__ = ["OutputRange", "output_range"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OutputRange(Result):
    """The smallest and the largest value of an output over a box.

    Args:
        minimum, maximum: each an interval that is proven to hold the exact value.
        lowest, highest: inputs at which the output is proven to lie in them; None without.
        closed: whether both intervals are as narrow as was asked for.
        reason: "" if so; else why not.
    """

    minimum: tuple[float, float]
    maximum: tuple[float, float]
    lowest: Array | None
    highest: Array | None
    closed: bool
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Return the result as values that JSON has; an infinite end is None."""
        made: dict[str, Any] = plain(self)
        return made

    def columns(self) -> dict[str, list[Any]]:
        """Return a row for each end of the range."""
        ends = {"minimum": (self.minimum, self.lowest), "maximum": (self.maximum, self.highest)}
        return {
            "end": list(ends),
            "least": [interval[0] for interval, _ in ends.values()],
            "largest": [interval[1] for interval, _ in ends.values()],
            "input": [plain(point) for _, point in ends.values()],
        }

    def __str__(self) -> str:
        status = "closed" if self.closed else self.reason
        return f"from {self.minimum[0]:.6g} to {self.maximum[1]:.6g} ({status})"


def output_range(  # noqa: PLR0913 - all but the first three are options
    network: Network | str | Path,
    low: npt.ArrayLike,
    high: npt.ArrayLike,
    *,
    output: int = 0,
    tolerance: float = 1e-6,
    timeout: float = 60.0,
    threads: int | None = None,
    progress: Progress | None = None,
) -> OutputRange:
    """Find the range of an output over a box of inputs.

    Args:
        network: piecewise linear, with one input; or the path of one.
        low: the box's finite lower ends; numbers, or arrays that broadcast to the shape of one sample.
        high: its upper ends.
        output: which, of the flattened first output.
        tolerance: how wide the intervals may be, in relation to their ends, and absolutely for ends below 1.
        timeout: seconds for each end.
        threads: how many work at once; None: one for each core that this process may use.
        progress: called with the decided share and the seconds.

    Raises:
        InvalidInputError: if the box does not fit, or there is no such output.
        UnsupportedModelError: if the network is not piecewise linear; the node is named.
    """
    network, shape = readied(network, box_shape(low, high))
    ends = box_ends(shape, low, high)
    chain = lower(network, shape)
    check_output(output, chain.outputs.size)
    relaxation, _, first = prepare(chain, *ends)
    limits = Limits(tolerance=tolerance, relative=tolerance, seconds=timeout, threads=threads_of(threads))
    found: list[Maximum] = []
    for sign in (-1.0, 1.0):
        outputs = np.zeros((1, chain.outputs.size))
        outputs[0, output] = sign
        zero = np.zeros(1)
        objective = LeastOf(
            relaxation=relaxation,
            outputs=outputs,
            inputs=np.zeros((1, chain.inputs)),
            constant=zero,
            above=zero,
        )
        found.append(maximize(objective, first, limits=limits, progress=progress))
    least, most = found
    points = [None if m.witness is None else m.witness.reshape(shape) for m in found]
    return OutputRange(
        minimum=(-least.upper, -least.lower),
        maximum=(most.lower, most.upper),
        lowest=points[0],
        highest=points[1],
        closed=not (least.reason or most.reason),
        reason=least.reason or most.reason,
    )
