"""Writes straight-line code: one assignment a step, the same computation never twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nonlin.functions.kernels.fitting import fit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nonlin.functions.kernels.precision import Precision

__all__ = ["Emitter"]

LONG = 9  # coefficients; a shorter polynomial gains nothing by being evaluated as two


class Emitter:
    """Collects the lines of a kernel; a step is given by its text and named by what it is assigned to.

    `paired` says whether sigmoid(u) and sigmoid(−u) are both wanted, `shared` whether exp and expm1 are: then they
    are written such that one reduction serves both; `folded` whether exp(−abs(u)) is there anyway; `sloped` whether
    the slope of tanh(softplus(u)) is, in float64, so that its reciprocal may serve both; `dense` whether the normal
    density is, in float64.
    """

    def __init__(self, precision: Precision) -> None:
        """Start with no lines; its flags say what the kernel wants together."""
        self.precision = precision
        self.lines: list[str] = []
        self.paired = False
        self.shared = False
        self.folded = False
        self.sloped = False
        self.dense = False
        self.lifts: set[str] = set()  # the conditions under which an exp of the expression is lifted
        self.masked = False  # whether a choice needs one of the processor's masks, which a clamp does not
        self.mixed = False  # whether an expression has several, so that no one lift can be taken back
        self.settled: set[str] = set()  # results that are right at ±inf by themselves
        self._known: dict[str, str] = {}
        self._shortcuts: dict[tuple[str, frozenset[str]], tuple[str, bool]] = {}
        self._negated: dict[str, str] = {}
        self._chosen: dict[str, tuple[str, ...]] = {}

    def step(self, text: str) -> str:
        """Return the name of a computation's result; a computation that was made before is used again."""
        if text not in self._known:
            self._known[text] = f"v{len(self.lines)}"
            self.lines.append(f"{self._known[text]} = {text}")
        return self._known[text]

    def whole(self, text: str) -> str:
        """Return the name of a computation with integers, kept in the carrier's width."""
        return self.step(f"I({text})")

    def number(self, value: float) -> str:
        """Write a constant of the carrier's type."""
        return f"F({value!r})"

    def integer(self, value: int) -> str:
        """Write an integer constant of the carrier's width."""
        return f"I({value})"

    def add(self, a: str, b: str) -> str:
        """Return a + b."""
        return self._shorter(a, "+", b) or self.step(f"{a} + {b}")

    def subtract(self, a: str, b: str) -> str:
        """Return a − b."""
        return self.step(f"{a} - {b}")

    def multiply(self, a: str, b: str) -> str:
        """Return a·b."""
        # whichever of two numbers is chosen first, the other is the second
        if a in self._chosen and self._chosen.get(b) == tuple(self._chosen[a][k] for k in (0, 2, 1, 3)):
            return self.step(self._chosen[a][3])
        return self._shorter(a, "*", b) or self.step(f"{a} * {b}")

    def shortcut(self, a: str, operator: str, b: str, text: str, *, of: str) -> None:
        """Say by which text a·b or a + b is computed, should it be wanted; where `of` is ±inf it is right, too."""
        self._shortcuts[operator, frozenset((a, b))] = text, of == "u"

    def _shorter(self, a: str, operator: str, b: str) -> str:
        text, settled = self._shortcuts.get((operator, frozenset((a, b))), ("", False))
        if not text:
            return ""
        name = self.step(text)
        if settled:
            self.settled.add(name)
        return name

    def divide(self, a: str, b: str) -> str:
        """Return a/b."""
        return self.step(f"{a} / {b}")

    def fma(self, a: str, b: str, c: str) -> str:
        """Return a·b + c rounded once."""
        return self.step(f"fma({a}, {b}, {c})")

    def negate(self, a: str) -> str:
        """Return −a."""
        name = self.step(f"-{a}")
        self._negated[name] = a
        return name

    def negated(self, a: str) -> str | None:
        """Return what a is the negative of, if it was made so."""
        return self._negated.get(a)

    def select(self, condition: str, yes: str, no: str) -> str:
        """Return one of two values; both are computed."""
        self.masked = True
        return self._either(condition, yes, no)

    def _either(self, condition: str, yes: str, no: str) -> str:
        if self.precision.doubled:
            return self.step(f"select({condition}, {yes}, {no})")
        return self.step(f"{yes} if {condition} else {no}")

    def either(self, condition: str, yes: str, no: str, *, product: str) -> str:
        """Return one of two values, whose product with the other one is the text of a step, should it be wanted."""
        name = self.select(condition, yes, no)
        self._chosen[name] = condition, yes, no, product
        return name

    def smaller(self, a: str, limit: float) -> str:
        """Return a, at most the limit; NaN stays NaN."""
        return self._either(f"{a} > {self.number(limit)}", self.number(limit), a)

    def larger(self, a: str, limit: float) -> str:
        """Return a, at least the limit; NaN stays NaN."""
        return self._either(f"{a} < {self.number(limit)}", self.number(limit), a)

    def magnitude(self, a: str) -> str:
        """Return abs(a)."""
        return self.step(f"abs({self._negated.get(a, a)})")

    def signed(self, magnitude: str, like: str) -> str:
        """Return the magnitude, which is not negative, with the sign of another number, also of −0."""
        sign = self.whole(
            f"bits({like}) & {self.integer(-(2 ** (self.precision.mantissa + self.exponent_bits)))}"
        )
        pattern = self.whole(f"bits({magnitude}) | {sign}")
        return self.step(f"unbits({pattern})")

    @property
    def exponent_bits(self) -> int:
        """The width of the exponent."""
        return 11 if self.precision.mantissa == 52 else 8

    def polynomial(self, name: str, interval: tuple[float, float], x: str, *, relative: float = 1.0) -> str:
        """Evaluate a fitted polynomial; `relative` loosens the error where less is enough."""
        return self.horner(fit(name, *interval, self.precision.error * relative), x)

    def horner(self, coefficients: Sequence[float], x: str) -> str:
        """Evaluate a polynomial, constant first, by Horner's rule; a long one as two, which do not wait for each other.

        Where roundings count, Horner's rule alone is as exact as it gets.
        """
        if len(coefficients) >= LONG and not self.precision.careful:
            square = self.multiply(x, x)
            even, odd = self.horner(coefficients[::2], square), self.horner(coefficients[1::2], square)
            return self.fma(odd, x, even)
        result = self.number(coefficients[-1])
        for coefficient in reversed(coefficients[:-1]):
            result = self.fma(result, x, self.number(coefficient))
        return result
