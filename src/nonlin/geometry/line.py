"""The exact folds of a piecewise linear network along the straight line between two inputs.

Between two neighbouring breakpoints every tensor of the network is an affine function of the position t on the line, so
its values at the breakpoints say everything. Layer by layer the breakpoints so far go through as one batch; where a
pre-activation changes its side of a kink between two of them, a new one is put in, and the value there of the unit
that makes it is set to the kink itself. First in float64, with a proven bound on every error; where a decision is
smaller than its bound, and the network is small enough, once more in rational arithmetic.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nonlin.errors import InvalidInputError
from nonlin.geometry.along import AffineMap, affine_map_at, integrated_gradients, level_crossings
from nonlin.geometry.arithmetic import Arithmetic
from nonlin.geometry.checks import samples_of
from nonlin.geometry.floating import Floating
from nonlin.geometry.rational import Rational
from nonlin.geometry.stretches import swept_by_stretches
from nonlin.geometry.sweep import Swept, sweep
from nonlin.networks import Network
from nonlin.networks.array import Array
from nonlin.results import Result

__all__ = ["Line", "line"]

_EXACT_WORK = 4_000_000
"""Multiplications of fractions up to which the second sweep is made: a few seconds."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Line(Result):
    """A piecewise linear network along a line x(t) = a + t (b − a), 0 ≤ t ≤ 1.

    A breakpoint is a t strictly inside (0, 1) at which at least one unit passes from strictly one side of a kink of its
    function to strictly the other, or at which another entry of a max pooling window becomes the largest, so that the
    window folds. So:

    - several units that fold at one point make one breakpoint;
    - a unit that touches its kink and turns back, or rests on it for a while, makes none: it can do so only where an
      earlier unit folds already;
    - a unit whose two pieces are the same (a PReLU with slope 1) makes none, nor do equal entries of a window;
    - a fold that the layers behind it cancel is still one: what counts is the pattern, not the map;
    - a function that jumps, such as a step, makes one breakpoint where a unit crosses the jump;
    - a fold at t = 0 or t = 1 is none, and where a = b there is one piece, a point.

    Args:
        breakpoints: sorted, shape (pieces − 1,); each the nearest float64, so that two can look equal, or one like 1.
        network: what was folded.
        ends: a and b, shape (2, …).
        calls: for each breakpoint the name of the call that folds there; the first of them, where several do.
        units: for each breakpoint the unit of that call: an index into its flattened pre-activation; for max pooling,
            of one of the two entries that are equal there.
        positions, outputs: the network's first output at 0, the breakpoints and 1; it is affine in between. Shapes
            (rows,) and (rows, …). At a jump a position stands twice, with the limits from the left and from the right.
        jumps: whether the stretch from a row to the next is such a jump, and no piece; shape (rows − 1,).
        certified: whether the count is proven: every decision was larger than the bound on its rounding error, or was
            taken in rational arithmetic. Proven for real arithmetic and the numbers that the network holds, which for a
            folded BatchNorm are its scale and shift in float64.
        undecided: how many decisions float64 did not settle, and nothing else did; there may then be a breakpoint too
            many or too few. Folds that it could not tell apart are counted as one.
    """

    network: Network = field(repr=False)
    ends: Array = field(repr=False)
    breakpoints: Array
    calls: tuple[str, ...]
    units: Array
    positions: Array
    outputs: Array
    jumps: Array
    certified: bool
    undecided: int

    @property
    def count(self) -> int:
        """The number of linear pieces."""
        return len(self.breakpoints) + 1

    def point(self, t: float) -> Array:
        """Return the input at a position."""
        return np.asarray(self.ends[0] + t * (self.ends[1] - self.ends[0]))

    def affine_map(self, piece: int) -> AffineMap:
        """Return what the network computes on a piece, for all inputs of the region that the piece is in.

        Args:
            piece: 0 to `count` − 1, in order along the line; negative ones count from the end.

        Raises:
            InvalidInputError: if there is no such piece.
        """
        if not -self.count <= piece < self.count:
            raise InvalidInputError(
                f"expected a piece from 0 to {self.count - 1}, got {piece}; choose one of them"
            )
        cuts = np.concatenate([[0.0], self.breakpoints, [1.0]])
        low, high = cuts[piece % self.count], cuts[piece % self.count + 1]
        return affine_map_at(self.network, self.point((low + high) / 2))

    @property
    def total_variation(self) -> Array:
        """How much each output goes up and down along the line, jumps included; shape of an output."""
        return np.asarray(np.abs(np.diff(self.outputs, axis=0)).sum(axis=0))

    @property
    def arc_length(self) -> float:
        """How long the way of the output is, in the 2-norm and without its jumps."""
        steps = np.diff(self.outputs, axis=0)[~self.jumps]
        return float(np.linalg.norm(steps.reshape(len(steps), -1), axis=1).sum())

    def integrated_gradients(self, output: int) -> Array:
        """Return how much each entry of the input brings to the change of an output from a to b.

        The gradient is constant on a piece, so that the integral is a finite sum without an error of quadrature; its
        entries add up to the change of the output, less its jumps.

        Args:
            output: index into the flattened output.

        Returns:
            Shape of an input, float64.

        Source: Sundararajan, Taly and Yan, Axiomatic attribution for deep networks, ICML 2017, equation 1.
        """
        return integrated_gradients(self.network, self.ends, self.breakpoints, output)

    def crossings(self, output: int, level: float = 0.0) -> Array:
        """Return the positions at which an output passes a level, sorted.

        Args:
            output: index into the flattened output.
            level: which value; where the output rests on it, both ends of the stretch are returned.
        """
        return level_crossings(
            self.positions, self.jumps, self.outputs.reshape(len(self.outputs), -1)[:, output] - level
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the line as values that JSON has, without the network and the two ends."""
        folds = zip(self.breakpoints.tolist(), self.calls, self.units.tolist(), strict=True)
        return {
            "count": self.count,
            "certified": self.certified,
            "undecided": self.undecided,
            "breakpoints": [{"t": t, "call": call, "unit": unit} for t, call, unit in folds],
            "positions": self.positions.tolist(),
            "outputs": self.outputs.reshape(len(self.outputs), -1).tolist(),
            "jumps": self.jumps.tolist(),
            "arc_length": self.arc_length,
            "total_variation": self.total_variation.ravel().tolist(),
        }

    def columns(self) -> dict[str, list[Any]]:
        """Return the pieces, as data frames take them: where each starts and ends, and the fold that starts it."""
        cuts = [0.0, *self.breakpoints.tolist(), 1.0]
        return {
            "start": cuts[:-1],
            "end": cuts[1:],
            "call": [None, *self.calls],
            "unit": [None, *self.units.tolist()],
        }

    def __str__(self) -> str:
        sure = "certified" if self.certified else "computed in float64, not certified"
        folds = len(self.breakpoints)
        pieces = f"{self.count} linear piece{'s' * (self.count != 1)}"
        return f"{pieces}, {folds} fold{'s' * (folds != 1)} ({sure})"


def line(
    network: Network | str | Path,
    a: Array,
    b: Array,
    *,
    stretches: bool = True,
    progress: Callable[[float], None] | None = None,
) -> Line:
    """Find every fold of a network along the line from a to b.

    Args:
        network: piecewise linear, with one input and a batch axis in front of it, or the path of one. All its calls
            count, whichever of its outputs they are for.
        a: one input without the batch axis; finite; taken as the float64 that it is.
        b: another, of the same shape.
        stretches: whether a line with more folds than fit in memory is cut, which may take minutes; else it is refused.
        progress: called with the share that is done, unless stretches are not wanted.

    Returns:
        The line, computed in float64 or better.

    Raises:
        UnsupportedModelError: if the network is not piecewise linear, or has no batch axis; the first node that is not
            understood is named; or if there are more folds than fit in memory, and no stretches are wanted.
        InvalidInputError: if the points do not fit the network, or its values overflow.

    Source: Sotoudeh and Thakur, Computing linear restrictions of neural networks, NeurIPS 2019, for the idea.
    """
    network, ends = samples_of(network, a, b)
    with np.errstate(all="ignore"):
        if stretches:
            floating = swept_by_stretches(Floating(), network, ends, progress)
        else:
            floating = sweep(Floating(), network, ends)
        if floating.undecided and floating.work * len(floating.rows.makers) <= _EXACT_WORK:
            rational = Rational()
            return _line(rational, swept_by_stretches(rational, network, ends), network, ends)
    return _line(Floating(), floating, network, ends)


def _line(arithmetic: Arithmetic, swept: Swept, network: Network, ends: Array) -> Line:
    rows = swept.rows
    positions = arithmetic.floats(rows.positions.value)
    starts = np.flatnonzero(~rows.gaps)[1:]
    return Line(
        network=network,
        ends=ends,
        breakpoints=positions[starts],
        calls=tuple(rows.makers[i] for i in starts),
        units=rows.units[starts],
        positions=positions,
        outputs=arithmetic.floats(swept.outputs.value),
        jumps=rows.gaps,
        certified=not swept.undecided,
        undecided=swept.undecided,
    )
