"""Reads a property in VNN-LIB: what must not happen, as boxes of inputs with linear conditions on outputs.

Numbers are read as exact fractions. `and`, `or`, `<=`, `>=` and sums and multiples of `X_i` and `Y_i` are understood.

Source: Demarchi, Guidotti, Pulina and Tacchella 2023, Supporting standardization of neural networks verification with
VNN-LIB and CoCoNet.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

from nonlin.errors import InvalidInputError, MissingInputError

__all__ = ["Case", "Condition", "parse", "read_property"]

_MOST_CASES = 10_000
_LARGEST = Fraction(10) ** 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Σ terms + constant ≤ 0; a term is a variable, such as ("Y", 0), with its factor."""

    terms: tuple[tuple[tuple[str, int], Fraction], ...]
    constant: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One way in which the property's conditions can hold: all of these at once.

    Args:
        low, high: exact bounds of every input.
        conditions: all others.
    """

    low: tuple[Fraction, ...]
    high: tuple[Fraction, ...]
    conditions: tuple[Condition, ...]


def read_property(path: Path, inputs: int, outputs: int) -> tuple[Case, ...]:
    """Read a file; the cases are alternatives.

    Args:
        path: of the file.
        inputs: how many numbers the network reads.
        outputs: how many it makes.

    Raises:
        MissingInputError: if there is none.
        InvalidInputError: if it is not understood, or is about another number of variables.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise MissingInputError(f"expected a property in {path}, got no such file; check the path") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(
            f"expected a property as text in {path}, got {error}; check the path"
        ) from error
    return parse(text, inputs, outputs)


def parse(text: str, inputs: int, outputs: int) -> tuple[Case, ...]:
    """Read the text of a property; see `read_property`."""
    declared: set[tuple[str, int]] = set()
    alternatives: list[tuple[Condition, ...]] = [()]
    for statement in _expressions(text):
        match statement:
            case ["declare-const", str(name), "Real"]:
                declared.add(_variable(name, None))
            case ["assert", formula]:
                alternatives = _joined(alternatives, _alternatives(formula, declared))
            case _:
                raise _not_understood(statement)
    for letter, count in (("X", inputs), ("Y", outputs)):
        got = sum(1 for name, _ in declared if name == letter)
        if got != count or any(number >= count for name, number in declared if name == letter):
            raise InvalidInputError(
                f"expected the variables {letter}_0 to {letter}_{count - 1} of this network, got {got} declared; "
                "choose the property for this network"
            )
    cases = tuple(_case(conditions, inputs) for conditions in alternatives)
    if not any(name == "Y" for case in cases for one in case.conditions for (name, _), _ in one.terms):
        raise InvalidInputError(
            "expected a condition on the outputs Y_i in the property, got none: every input of the box meets it; "
            "add what must not happen"
        )
    return cases


def _expressions(text: str) -> list[Any]:
    words = re.findall(r"[()]|[^\s()]+", re.sub(r";[^\n]*", "", text))
    stack: list[list[Any]] = [[]]
    for word in words:
        if word == "(":
            stack.append([])
        elif word == ")":
            if len(stack) == 1:
                raise InvalidInputError(
                    "expected balanced parentheses in the property, got one ')' too many; mend it"
                )
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(word)
    if len(stack) > 1:
        raise InvalidInputError(
            "expected balanced parentheses in the property, got one '(' too many; mend it"
        )
    return stack[0]


def _alternatives(formula: Any, declared: set[tuple[str, int]]) -> list[tuple[Condition, ...]]:
    match formula:
        case ["and", *parts]:
            made: list[tuple[Condition, ...]] = [()]
            for part in parts:
                made = _joined(made, _alternatives(part, declared))
            return made
        case ["or", *parts]:
            return [one for part in parts for one in _alternatives(part, declared)]
        case ["<=", left, right]:
            return [(_condition(left, right, declared),)]
        case [">=", left, right]:
            return [(_condition(right, left, declared),)]
    raise _not_understood(formula)


def _joined(a: list[tuple[Condition, ...]], b: list[tuple[Condition, ...]]) -> list[tuple[Condition, ...]]:
    if len(a) * len(b) > _MOST_CASES:
        raise InvalidInputError(
            f"expected at most {_MOST_CASES:,} alternatives in the property, got {len(a) * len(b):,}; split it"
        )
    return [x + y for x, y in product(a, b)]


Sum = tuple[dict[tuple[str, int], Fraction], Fraction]


def _condition(left: Any, right: Any, declared: set[tuple[str, int]]) -> Condition:
    (a, c), (b, d) = _sum(left, declared), _sum(right, declared)
    terms = {name: a.get(name, Fraction(0)) - b.get(name, Fraction(0)) for name in (*a, *b)}
    for number in (*terms.values(), c - d):
        _check_size(number)
    return Condition(terms=tuple((name, factor) for name, factor in terms.items() if factor), constant=c - d)


def _check_size(number: Fraction) -> None:
    if abs(number) > _LARGEST:
        raise InvalidInputError(
            "expected numbers up to 1e300 in the property, got a larger one; give inputs finite bounds that matter"
        )


def _sum(term: Any, declared: set[tuple[str, int]]) -> Sum:
    if isinstance(term, str):
        if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", term):
            return {}, Fraction(term)
        return {_variable(term, declared): Fraction(1)}, Fraction(0)
    match term:
        case ["+", *parts] if parts:
            return _added([(_sum(part, declared), 1) for part in parts])
        case ["-", only]:
            return _added([(_sum(only, declared), -1)])
        case ["-", first, *rest]:
            return _added([(_sum(first, declared), 1), *((_sum(part, declared), -1) for part in rest)])
        case ["*", a, b]:
            (x, c), (y, d) = _sum(a, declared), _sum(b, declared)
            if not (x and y):
                factor, (terms, constant) = (d, (x, c)) if not y else (c, (y, d))
                return {name: factor * value for name, value in terms.items()}, factor * constant
    raise _not_understood(term)


def _added(parts: list[tuple[Sum, int]]) -> Sum:
    terms: dict[tuple[str, int], Fraction] = {}
    constant = Fraction(0)
    for (each, shift), sign in parts:
        constant += sign * shift
        for name, value in each.items():
            terms[name] = terms.get(name, Fraction(0)) + sign * value
    return terms, constant


def _variable(name: str, declared: set[tuple[str, int]] | None) -> tuple[str, int]:
    found = re.fullmatch(r"([XY])_(\d{1,9})", name)
    if found is None or (declared is not None and (found[1], int(found[2])) not in declared):
        raise InvalidInputError(
            f"expected a declared variable X_i or Y_i, or a number, in the property, got {name}; declare it"
        )
    return found[1], int(found[2])


def _case(conditions: tuple[Condition, ...], inputs: int) -> Case:
    low: list[Fraction | None] = [None] * inputs
    high: list[Fraction | None] = [None] * inputs
    rest = []
    for condition in conditions:
        if len(condition.terms) == 1 and condition.terms[0][0][0] == "X":
            (_, i), factor = condition.terms[0]
            end = -condition.constant / factor
            _check_size(end)
            before = (high if factor > 0 else low)[i]
            if factor > 0:
                high[i] = end if before is None else min(end, before)
            else:
                low[i] = end if before is None else max(end, before)
        else:
            rest.append(condition)
    for i, pair in enumerate(zip(low, high, strict=True)):
        if None in pair:
            raise InvalidInputError(
                f"expected both bounds of X_{i} in every alternative of the property, got none; add them"
            )
    return Case(
        low=tuple(x for x in low if x is not None),
        high=tuple(x for x in high if x is not None),
        conditions=tuple(rest),
    )


def _not_understood(what: Any) -> InvalidInputError:
    return InvalidInputError(
        f"expected (assert …) of and, or, <=, >= over sums of X_i, Y_i and numbers, got {_written(what)}; rewrite it"
    )


def _written(what: Any) -> str:
    whole = what if isinstance(what, str) else f"({' '.join(map(_written, what))})"
    return whole if len(whole) <= 80 else whole[:77] + "…"
