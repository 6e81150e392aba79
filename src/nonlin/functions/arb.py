"""Evaluates an expression in ball arithmetic: python-flint's arb, every rounding accounted for.

A ball is a midpoint with a radius. What comes back contains the exact value for every argument in the ball
that went in, so it is the reference for accuracy and the ground of every proof.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from flint import arb, ctx

from nonlin.functions.proofs.tape import Instruction, tape

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nonlin.functions.expression import Expression

__all__ = ["BALLS", "Ball", "enclose", "evaluate_ball"]

Ball: TypeAlias = Any
"""An `flint.arb`, which has no types of its own."""

MOST_BITS = 1 << 14  # x − tanh(x) at the smallest subnormal loses 2,100 bits


def enclose(expression: Expression, x: float | Ball, *, bits: int = 128) -> Ball:
    """Return a ball that contains the value at x, with at least that many correct bits.

    Args:
        expression: has no parameters left.
        x: a finite number, taken as exactly the float64 that it is, or a ball.
        bits: the relative accuracy wanted of the result. The working precision is doubled until it is
            reached or is 16,384 bits, so an exact zero that is not recognised comes back as a tiny ball
            around 0. For a ball that is not exact the accuracy is limited by its radius.

    Returns:
        A ball; not finite where the expression is undefined (a pole, the root of a negative number).

    >>> from nonlin.functions.parsing import parse
    >>> enclose(parse("x * tanh(x)"), 1.0).str(20)
    '[0.76159415595576488812 +/- 5.42e-22]'
    """
    working = bits + 32
    argument = x if isinstance(x, arb) else arb(x)
    while True:
        with ctx.workprec(working):
            result = evaluate_ball(expression, argument)
        enough = result.is_exact() or result.rel_accuracy_bits() >= bits
        if enough or not argument.is_exact() or working > MOST_BITS or not result.is_finite():
            return result
        working *= 2


def evaluate_ball(expression: Expression, x: Ball) -> Ball:
    """Return a ball that contains every value of the expression on the ball x, at the context's precision."""
    done: list[Ball] = []
    for instruction in tape(expression):
        done.append(_step(instruction, x, done))
    return done[-1]


def _step(instruction: Instruction, x: Ball, done: Sequence[Ball]) -> Ball:
    operator, operands, number = instruction
    if operator == "variable":
        return x
    if operator == "constant":
        return arb(number)
    if operator == "power":
        return done[operands[0]] ** int(number)
    if operator == "piecewise":
        return _piecewise([done[i] for i in operands])
    return BALLS[operator](*(done[i] for i in operands))


def _piecewise(parts: list[Ball]) -> Ball:
    count = (len(parts) - 2) // 3
    u, points = parts[0], parts[1 : count + 1]
    pieces, at = parts[count + 1 : 2 * count + 2], parts[2 * count + 2 :]
    # a comparison of balls is true only if it holds for all of their points
    possible = [value for point, value in zip(points, at, strict=True) if u.overlaps(point)]
    for i, piece in enumerate(pieces):
        left_of_it = i > 0 and u <= points[i - 1]
        right_of_it = i < count and u >= points[i]
        if not left_of_it and not right_of_it:
            possible.append(piece)
    result = possible[0]
    for value in possible[1:]:
        result = result.union(value)
    return result


def _sigmoid(u: Ball) -> Ball:
    return 1 / (1 + (-u).exp()) if u > -1 else u.exp() / (1 + u.exp())


def _softplus(u: Ball) -> Ball:
    return u.exp().log1p() if not u > 0 else u + (-u).exp().log1p()


def _sech2(u: Ball) -> Ball:
    # not by the hyperbolic cosine, which overflows for a double exponential
    e = (-2 * abs(u)).exp()
    return 4 * e / (1 + e) ** 2


def _tanh_softplus(u: Ball) -> Ball:
    if u > 0:
        e = (-u).exp()
        return (1 + 2 * e) / (1 + 2 * e + 2 * e * e)
    e = u.exp()
    return e * (e + 2) / (e * (e + 2) + 2)


def _tanh_softplus_slope(u: Ball) -> Ball:
    if u > 0:
        e = (-u).exp()
        return 4 * e * e * (1 + e) / (1 + 2 * e + 2 * e * e) ** 2
    e = u.exp()
    return 4 * e * (1 + e) / (e * (e + 2) + 2) ** 2


def _tanh_exp(u: Ball) -> Ball:
    # beyond 64 the exponential may be too large for arb; there 1 − tanh(e⁶⁴) is far below any precision used
    if u > 64:
        return arb(64).exp().tanh().union(arb(1))
    return u.exp().tanh()


def _tanh_exp_slope(u: Ball) -> Ball:
    if u > 64:
        return (arb(64).exp() * _sech2(arb(64).exp())).union(arb(0))
    e = u.exp()
    return e * _sech2(e)


def _normal_cdf(u: Ball) -> Ball:
    return (-u / arb(2).sqrt()).erfc() / 2


def _normal_density(u: Ball) -> Ball:
    return (-u * u / 2).exp() / (2 * arb.pi()).sqrt()


def _sinc(order: int) -> Callable[[Ball], Ball]:
    # the spherical Bessel function j_n(u)/uⁿ = 0F1(n + 3/2; −u²/4) / (2n + 1)!!
    factor = 1
    for odd in range(3, 2 * order + 2, 2):
        factor *= odd

    def value(u: Ball) -> Ball:
        return (-u * u / 4).hypgeom_0f1(arb(order) + arb(1.5)) / factor

    return value


BALLS: dict[str, Callable[..., Ball]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "negate": lambda a: -a,
    "exp": lambda u: u.exp(),
    "expm1": lambda u: u.expm1(),
    "log": lambda u: u.log(),
    "log1p": lambda u: u.log1p(),
    "sqrt": lambda u: u.sqrt(),
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "tanh": lambda u: u.tanh(),
    "sech2": _sech2,
    "tanh_softplus": _tanh_softplus,
    "tanh_softplus_slope": _tanh_softplus_slope,
    "tanh_exp": _tanh_exp,
    "tanh_exp_slope": _tanh_exp_slope,
    "tanhshrink": lambda u: u - u.tanh(),
    "erf": lambda u: u.erf(),
    "gaussian": lambda u: (-u * u).exp(),
    "normal_cdf": _normal_cdf,
    "normal_density": _normal_density,
    "sin": lambda u: u.sin(),
    "cos": lambda u: u.cos(),
    "atan": lambda u: u.atan(),
    "sinc": lambda u: u.sinc(),
    "sinc1": _sinc(1),
    "sinc2": _sinc(2),
    "sinc3": _sinc(3),
    "hypot1": lambda u: (1 + u * u).sqrt(),
    "exp_asinh": lambda u: u.asinh().exp(),
    "isru": lambda u: u / (1 + u * u).sqrt(),
    "inverse_hypot": lambda u: (1 + u * u).rsqrt(),
}
"""Every primitive on balls, by name."""
