"""LaTeX of the catalogue: what it says is the formula, checked by reading it back."""

import re

import numpy as np
import pytest

import nonlin
from nonlin.errors import InvalidInputError
from nonlin.functions.latex import latex

SCALAR = [f for f in nonlin.functions() if not f.vector]

CALLS = {
    r"\sigma": "sigmoid", r"\Phi": "normal_cdf", r"\tanh": "tanh", r"\log": "log", r"\sin": "sin", r"\cos": "cos",
    r"\arctan": "atan", r"\operatorname{erf}": "erf",
}  # fmt: skip


def braces(text, start):
    depth = 0
    for i in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[i], 0)
        if not depth:
            return i
    raise ValueError(text)


def unfold(text, mark, make, groups):
    while mark in text:
        start = text.rindex(mark)
        end, parts = start + len(mark), []
        for _ in range(groups):
            close = braces(text, end)
            parts.append(text[end + 1 : close])
            end = close + 1
        text = text[:start] + make(*parts) + text[end:]
    return text


def read_back(text):
    """Turn what `latex` writes into a formula: an independent, small reader."""
    while r"\begin{cases}" in text:
        start = text.rindex(r"\begin{cases}")
        end = text.index(r"\end{cases}", start)
        rows = [row.split(" & ") for row in text[start + 13 : end].split(r" \\ ")]
        formula = f"({rows[-1][0]})"
        for value, condition in reversed(rows[:-1]):
            formula = choose(condition, value, formula)
        text = text[:start] + formula + text[end + 11 :]
    text = (
        text.replace(r"\left(", "(")
        .replace(r"\right)", ")")
        .replace(r" \, ", " * ")
        .replace(r" \cdot ", " * ")
    )
    text = unfold(text, r"\frac", lambda p, q: f"(({p}) / ({q}))", 2)
    text = unfold(text, r"\sqrt", lambda p: f"sqrt({p})", 1)
    text = re.sub(r"(?<![a-z}_)])e\^\{", "EXP{", text)
    text = unfold(text, "EXP", lambda p: f"exp({p})", 1)
    text = unfold(text, "^", lambda p: f"**{p}", 1)
    for written, name in CALLS.items():
        text = text.replace(written, name)
    text = re.sub(r"\\mathrm\{([^}]*)\}", lambda m: m[1].replace(r"\ ", "_"), text)
    text = re.sub(r"([a-z])_\{(\d)\}", r"\1\2", text)
    return text.replace(r"\ldots", "").replace("\\", "")


def choose(condition, value, rest):
    signs = re.split(r" (<|>|=|\\le|\\ge) ", condition)
    if len(signs) == 5:
        low, first, u, second, high = signs
        return choose(
            f"{u} {'>' if first == '<' else BACK[first]} {low}",
            choose(f"{u} {second} {high}", value, rest),
            rest,
        )
    u, sign, p = signs
    if sign == "=":
        return f"where({u} < {p}, {rest}, where({u} <= {p}, {value}, {rest}))"
    python = {"<": "<", ">": ">", r"\le": "<=", r"\ge": ">="}[sign]
    return f"where({u} {python} {p}, {value}, {rest})"


BACK = {r"\le": r"\ge"}


@pytest.mark.parametrize("f", SCALAR, ids=lambda f: f.name)
def test_the_latex_of_a_function_means_the_function(f):
    text = latex(f)
    parameters = dict(f.parameters)
    if "lambda" in text:
        parameters["lambda_"] = parameters.pop("lambd")
    formula = read_back(text).replace("lambda", "lambda_")
    again = nonlin.define(formula, **parameters)
    x = np.concatenate([np.linspace(-5, 5, 41) + 0.01, [-2.0, -0.5, 0.5, 1.0, 6.0]])
    tolerance = 1e-5 if "ldots" in text else 1e-10
    np.testing.assert_allclose(again(x), f(x), rtol=tolerance, atol=tolerance)


def test_the_reader_can_tell_a_wrong_formula():
    assert nonlin.define(read_back(r"x \, \sigma\left(2 \, x\right)"))(1.0) != nonlin.function("silu")(1.0)


def test_a_function_of_a_vector_has_words():
    with pytest.raises(InvalidInputError, match="whole vector"):
        latex(nonlin.function("softmax"))
