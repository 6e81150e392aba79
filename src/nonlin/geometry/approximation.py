"""A ReLU network with one hidden layer for any continuous function on an interval, with the fewest pieces."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import inf, isfinite
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nonlin.errors import InvalidInputError
from nonlin.functions import function
from nonlin.functions.proofs.deviation import Piece
from nonlin.geometry.target import FINEST, Target, exact_pieces, target_of
from nonlin.geometry.tunnel import Line, fewest_lines
from nonlin.networks import Network, Node, Tensor
from nonlin.networks.activation import Activation
from nonlin.networks.affine import Dense
from nonlin.results import Result, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nonlin.functions.function import Function
    from nonlin.functions.property import Status

__all__ = ["Approximation", "approximate"]

Array: TypeAlias = NDArray[np.float64]

ROUNDS = 12
HALVINGS = 48
MARGIN = 1e-7  # the tunnel is built narrower by this share, so that what is proven is within the tolerance
SETTLED = 2e-4  # with the pieces given, the error comes this near to the least one of the tunnel
CLOSE = 1e-6
NEAR = 0.99
MOST_PIECES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Approximation(Result):
    """A network that approximates a function.

    Args:
        network: input "x" of shape (batch, 1), one hidden layer of ReLU, output "y" of shape (batch, 1).
        low: the interval's left end.
        high: its right end.
        pieces: the number of affine pieces on the interval, and of hidden units.
        error: the largest abs(f − network) on the interval, in exact arithmetic with the network's weights.
        status: whether the error is "proved" (by interval arithmetic) or "numeric" (a callable, sampled).
        least_error: no continuous function of so many pieces has a smaller error; computed in float64 from
            bounds at finitely many places.
        fewest_pieces: no continuous function of fewer pieces keeps the tolerance; computed likewise. None where
            the number of pieces was given.
        knots: where the pieces meet, the interval's ends included; shape (pieces + 1,).
        values: of the network at the knots.
    """

    network: Network = field(repr=False)
    low: float
    high: float
    pieces: int
    error: float
    status: Status
    least_error: float | None
    fewest_pieces: int | None
    knots: Array
    values: Array

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the network as values that JSON has; its knots and values make it again."""
        return {"schema": 1, **plain(self)}

    def columns(self) -> dict[str, list[Any]]:
        """Return the knots and the network's values there, as data frames take them."""
        return {"knot": self.knots.tolist(), "value": self.values.tolist()}

    def __str__(self) -> str:
        best = (
            f"no fewer than {self.fewest_pieces} keep the tolerance"
            if self.fewest_pieces is not None
            else f"the least of {self.pieces} pieces is {self.least_error:.6g}"
        )
        where = f"on [{self.low:g}, {self.high:g}]"
        return f"{self.pieces} pieces {where}, error {self.error:.6g} ({self.status}); {best}"


def approximate(
    f: Function | str | Callable[[float], float],
    interval: tuple[float, float],
    *,
    pieces: int | None = None,
    tolerance: float | None = None,
) -> Approximation:
    """Build the best ReLU network with one hidden layer for a continuous function on an interval.

    The knots are free; the error ripples to the same height on every piece.

    Args:
        f: a function, its name, a formula in x, or a callable of one number.
        interval: low < high, finite.
        pieces: how many affine pieces; the error becomes as small as they allow. Give this or
        tolerance: the largest error allowed; the pieces become as few as it allows.

    Raises:
        InvalidInputError: neither or both of pieces and tolerance; a jump or a value that is not finite in the
            interval; more than 4096 pieces needed.

    Source: Imai and Iri 1986 for the fewest pieces.

    >>> found = approximate("x * x", (0, 1), pieces=4)
    >>> round(found.error, 9), found.status, found.knots.round(6).tolist()
    (0.0078125, 'proved', [0.0, 0.25, 0.5, 0.75, 1.0])
    """
    if (pieces is None) == (tolerance is None):
        raise InvalidInputError("expected either pieces or tolerance, got both or neither; give one of them")
    target = target_of(f, interval)
    if pieces is not None:
        return _with_pieces(target, _count(pieces))
    return _within(target, _tolerance(tolerance, target))


def _count(pieces: int) -> int:
    if isinstance(pieces, bool) or not _is_finite(pieces) or pieces % 1 or not 1 <= pieces <= MOST_PIECES:
        raise InvalidInputError(f"expected from 1 to {MOST_PIECES} pieces, got {pieces!r}; change it")
    return int(pieces)


def _tolerance(tolerance: float | None, target: Target) -> float:
    least = FINEST * target.size
    if tolerance is None or not _is_finite(tolerance) or tolerance < least:
        raise InvalidInputError(
            f"expected a tolerance of at least {least:.1e} for values of this size, got {tolerance!r}; raise it"
        )
    return float(tolerance)


def _is_finite(number: float) -> bool:
    try:
        return isfinite(number)
    except TypeError:  # text
        return False


def _within(target: Target, tolerance: float) -> Approximation:
    exact = exact_pieces(target)
    inner = tolerance * (1 - MARGIN)
    refined = False
    for _ in range(ROUNDS):
        lines = fewest_lines(target.tunnel(inner), most=MOST_PIECES)
        if lines is None:
            break
        built = _built(target, lines)
        if not refined or built.error > 2 * tolerance:
            target.refine(built.result.knots, built.worst)
            refined = True
        elif built.error <= tolerance:
            least = fewest_lines(target.tunnel(tolerance), most=len(lines), inside=False)
            if exact is not None and len(exact) <= len(lines):
                built = _built(target, exact)
            return replace(built.result, fewest_pieces=len(least or lines))
        else:
            inner -= 1.5 * (built.error - tolerance)
    raise InvalidInputError(
        f"expected a tolerance that {MOST_PIECES} pieces can keep, got {tolerance}; raise it or shorten the interval"
    )


def _with_pieces(target: Target, pieces: int) -> Approximation:
    exact = exact_pieces(target)
    if exact is not None and len(exact) <= pieces:
        return replace(_built(target, exact).result, least_error=0.0)
    built = _built(target, _squeezed(target, pieces, (0.0, target.size), inside=True)[2])
    for _ in range(ROUNDS):
        target.refine(built.result.knots, built.worst)
        bracket = (NEAR * built.error, built.error)
        _, most, lines = _squeezed(target, pieces, bracket, inside=True)
        again = _built(target, lines)
        built = min(built, again, key=lambda candidate: candidate.error)
        if again.error <= most * (1 + SETTLED):
            break
    least = _squeezed(target, pieces, (NEAR * built.error, built.error), inside=False)[0]
    return replace(built.result, least_error=least)


def _squeezed(
    target: Target, pieces: int, bracket: tuple[float, float], *, inside: bool
) -> tuple[float, float, list[Line]]:
    """Return errors between which the least one lies, and the lines of the larger."""
    least, most = bracket
    lines = fewest_lines(target.tunnel(most), most=pieces, inside=inside)
    while lines is None:
        least, most = most, 2 * most
        lines = fewest_lines(target.tunnel(most), most=pieces, inside=inside)
    if least > 0 and (found := fewest_lines(target.tunnel(least), most=pieces, inside=inside)) is not None:
        least, most, lines = 0.0, least, found
    for _ in range(HALVINGS):
        if most - least <= max(CLOSE * most, FINEST * target.size):
            break
        middle = (least + most) / 2
        found = fewest_lines(target.tunnel(middle), most=pieces, inside=inside)
        if found is None:
            least = middle
        else:
            most, lines = middle, found
    return least, most, lines


@dataclass(frozen=True, slots=True, kw_only=True)
class _Built:
    result: Approximation
    error: float
    worst: list[tuple[float, float]]


def _built(target: Target, lines: Sequence[Line]) -> _Built:
    """Make the network of lines and measure it, as it is with its rounded weights."""
    knots, values = _joined(target, lines)
    network = _network(knots, values)
    worst, status = target.deviations(_exact_pieces_of(network, knots[-1]))
    error = max((size for _, size in worst), default=inf)
    result = Approximation(
        network=network,
        low=float(knots[0]),
        high=float(knots[-1]),
        pieces=len(knots) - 1,
        error=error,
        status=status,
        least_error=None,
        fewest_pieces=None,
        knots=knots,
        values=values,
    )
    return _Built(result=result, error=error, worst=worst)


def _joined(target: Target, lines: Sequence[Line]) -> tuple[Array, Array]:
    """Return where neighbouring lines cross, in the function's own units, and the values there."""
    x, y = [0.0], [lines[0].at(0.0)]
    for a, b in itertools.pairwise(lines):
        # a(x) = b(x), counted from b's start, near which they cross
        step = (a.at(b.start) - b.at(b.start)) / (b.slope - a.slope)
        x.append(min(max(b.start + step, x[-1]), 1.0))
        y.append(b.at(x[-1]))
    x.append(1.0)
    y.append(lines[-1].at(1.0))
    knots, kept = np.unique(target.unscaled_x(np.array(x)), return_index=True)
    return knots, target.unscaled_y(np.array(y))[kept]


def _network(knots: Array, values: Array) -> Network:
    """Return y = v₀ + Σ cᵢ·relu(x − tᵢ), cᵢ the change of slope at the knot tᵢ."""
    slopes = np.diff(values) / np.diff(knots)
    count = len(slopes)
    hidden = Dense(weight=np.ones((count, 1)), bias=-knots[:-1])
    out = Dense(weight=np.diff(slopes, prepend=0.0)[None, :], bias=values[:1])
    return Network(
        name=f"ReLU approximation with {count} pieces",
        inputs=(Tensor(name="x", shape=(None, 1), dtype="float64"),),
        outputs=(Tensor(name="y", shape=(None, 1), dtype="float64"),),
        nodes=(
            Node(name="hidden", operator=hidden, inputs=("x",), output="hidden"),
            Node(
                name="relu", operator=Activation(function=function("relu")), inputs=("hidden",), output="bent"
            ),
            Node(name="out", operator=out, inputs=("bent",), output="y"),
        ),
        parameters=hidden.parameters + out.parameters,
    )


def _exact_pieces_of(network: Network, high: float) -> list[Piece]:
    """Return the lines that the network's float64 weights make in exact arithmetic, on the interval."""
    hidden, out = network.nodes[0].operator, network.nodes[2].operator
    if not isinstance(hidden, Dense) or not isinstance(out, Dense) or hidden.bias is None or out.bias is None:
        raise TypeError("the network is not of the form that this module builds")
    knots = [-Fraction(float(b)) for b in hidden.bias]
    slope, intercept, pieces = Fraction(0), Fraction(float(out.bias[0])), []
    for low, end, change in zip(knots, [*knots[1:], Fraction(float(high))], out.weight[0], strict=True):
        slope += Fraction(float(change))
        intercept -= Fraction(float(change)) * low
        pieces.append(Piece(low, end, slope, intercept))
    return pieces
