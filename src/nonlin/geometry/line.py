"""The exact folds of a piecewise linear network along the straight line between two inputs.

Between two neighbouring breakpoints every tensor of the network is an affine function of the position t on the line, so
its values at the breakpoints say everything. Layer by layer the breakpoints so far go through as one batch; where a
pre-activation changes its side of a kink between two of them, a new one is put in, and the value there of the unit
that makes it is set to the kink itself. First in float64, with a proven bound on every error; where a decision is
smaller than its bound, and the network is small enough, once more in rational arithmetic.
"""

from dataclasses import dataclass

import numpy as np

from nonlin.errors import InvalidInputError, UnsupportedModelError
from nonlin.geometry.arithmetic import Arithmetic
from nonlin.geometry.floating import Floating
from nonlin.geometry.rational import Rational
from nonlin.geometry.sweep import Swept, sweep
from nonlin.networks import Network
from nonlin.networks.activation import Activation
from nonlin.networks.array import Array

__all__ = ["Line", "line"]

_EXACT_WORK = 4_000_000
"""Multiplications of fractions up to which the second sweep is made: a few seconds."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Line:
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
        calls: for each breakpoint the name of the call that folds there; the first of them, where several do.
        positions, outputs: the network's first output at 0, the breakpoints and 1; it is affine in between. Shapes
            (rows,) and (rows, …). At a jump a position stands twice, with the limits from the left and from the right.
        jumps: whether the stretch from a row to the next is such a jump, and no piece; shape (rows − 1,).
        certified: whether the count is proven: every decision was larger than the bound on its rounding error, or was
            taken in rational arithmetic. Proven for real arithmetic and the numbers that the network holds, which for a
            folded BatchNorm are its scale and shift in float64.
        undecided: how many decisions float64 did not settle, and nothing else did; there may then be a breakpoint too
            many or too few. Folds that it could not tell apart are counted as one.
    """

    breakpoints: Array
    calls: tuple[str, ...]
    positions: Array
    outputs: Array
    jumps: Array
    certified: bool
    undecided: int

    @property
    def count(self) -> int:
        """The number of linear pieces."""
        return len(self.breakpoints) + 1

    def __str__(self) -> str:
        sure = "certified" if self.certified else "computed in float64, not certified"
        return f"{self.count} linear pieces, {len(self.breakpoints)} folds ({sure})"


def line(network: Network, a: Array, b: Array) -> Line:
    """Find every fold of a network along the line from a to b.

    Args:
        network: piecewise linear, with one input and a batch axis in front of it. All its calls count, whichever of
            its outputs they are for.
        a: one input without the batch axis; finite; taken as the float64 that it is.
        b: another, of the same shape.

    Returns:
        The line, computed in float64 or better.

    Raises:
        UnsupportedModelError: if the network is not piecewise linear, or has no batch axis; the first node that is not
            understood is named.
        InvalidInputError: if the points do not fit the network, or its values overflow.

    Source: Sotoudeh and Thakur, Computing linear restrictions of neural networks, NeurIPS 2019, for the idea.
    """
    _check(network)
    ends = _ends(network, a, b)
    floating = _swept(Floating(), network, ends)
    if floating.undecided and floating.work * len(floating.rows.makers) <= _EXACT_WORK:
        rational = Rational()
        return _line(rational, _swept(rational, network, ends))
    return _line(Floating(), floating)


def _check(network: Network) -> None:
    bent = [n for n in network.nodes if n.operator.kind not in ("affine", "piecewise linear")]
    if bent:
        operator = bent[0].operator
        called = operator.function.label if isinstance(operator, Activation) else ""
        what = called or getattr(operator, "operator", operator.kind)
        raise UnsupportedModelError(
            f"expected a piecewise linear network, but node '{bent[0].name}' is not ({what}); "
            "folds exist only where every activation is made of straight pieces"
        )
    if len(network.inputs) != 1:
        raise InvalidInputError(
            f"expected a network with one input, got {len(network.inputs)}; fix the others first"
        )


def _ends(network: Network, a: Array, b: Array) -> Array:
    first, second = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if first.shape != second.shape or not (np.all(np.isfinite(first)) and np.all(np.isfinite(second))):
        raise InvalidInputError(
            f"expected two finite points of one shape, got {first.shape} and {second.shape}; give two inputs"
        )
    shape = network.inputs[0].shape
    asked = shape[1:]
    fits = len(asked) == first.ndim and all(n in (None, m) for n, m in zip(asked, first.shape, strict=True))
    if shape and not fits:
        raise InvalidInputError(
            f"expected points for the input {network.inputs[0]}, without its first axis, the batch, "
            f"got shape {first.shape}; reshape them, or export the network with a batch axis"
        )
    return np.stack([first, second])


def _swept(arithmetic: Arithmetic, network: Network, ends: Array) -> Swept:
    try:
        with np.errstate(all="ignore"):
            return sweep(arithmetic, network, ends)
    except (InvalidInputError, UnsupportedModelError):
        raise
    except (ValueError, IndexError) as error:
        raise UnsupportedModelError(
            f"{network.name} cannot be run on several points at once ({error}); it was exported without a batch axis, "
            "or the points have the wrong shape: export it with a batch axis of any length"
        ) from error


def _line(arithmetic: Arithmetic, swept: Swept) -> Line:
    rows = swept.rows
    positions = arithmetic.floats(rows.positions.value)
    starts = np.flatnonzero(~rows.gaps)[1:]
    return Line(
        breakpoints=positions[starts],
        calls=tuple(rows.makers[i] for i in starts),
        positions=positions,
        outputs=arithmetic.floats(swept.outputs.value),
        jumps=rows.gaps,
        certified=not swept.undecided,
        undecided=swept.undecided,
    )
