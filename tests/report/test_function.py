"""A function's report: the terminal's picture and the words for properties."""

import io

import numpy as np
import pytest
from rich.console import Console

import nonlin
from nonlin.functions.description import describe
from nonlin.functions.property import numeric, proved
from nonlin.report.braille import plot
from nonlin.report.function import print_function, property_text


def dots(rows):
    """Return the lit dots of a picture as (column, row), and undo the drawing."""
    bits = {
        0x01: (0, 0),
        0x02: (0, 1),
        0x04: (0, 2),
        0x40: (0, 3),
        0x08: (1, 0),
        0x10: (1, 1),
        0x20: (1, 2),
        0x80: (1, 3),
    }
    found = set()
    for row, text in enumerate(rows):
        for column, letter in enumerate(text.plain.split("┤", 1)[1]):
            for bit, (right, below) in bits.items():
                if ord(letter) > 0x2800 and (ord(letter) - 0x2800) & bit:
                    found.add((2 * column + right, 4 * row + below))
    return found


def test_the_terminal_picture_is_the_curve():
    x = np.linspace(-1, 1, 501)
    *rows, axis = plot(x, [(x**2, "bold")], columns=40, rows=10)
    lit = dots(rows)
    assert {column for column, _ in lit} == set(range(80))
    for column, row in lit:
        value = 1 - row / 39
        assert abs((-1 + 2 * (column + 0.5) / 80) ** 2 - value) < 0.06
    assert axis.plain.split() == ["−1", "1"]
    assert rows[0].plain.startswith("1 ┤")


def test_a_gap_and_a_constant_are_drawn():
    x = np.linspace(0, 1, 200)
    *rows, _ = plot(x, [(np.where(np.abs(x - 0.5) < 0.1, np.nan, 2.0), "")], columns=20, rows=4)
    columns = {column for column, _ in dots(rows)}
    assert columns == set(range(16)) | set(range(24, 40))


@pytest.mark.parametrize(
    ("name", "found", "text"),
    [
        ("range", proved((-1.0, np.inf), ""), "(−1, ∞)"),
        ("limits", proved((np.nan, 0.5), ""), "none and 0.5"),
        ("kinks", proved(tuple(map(float, range(9))), ""), "0, 1, 2, 3, 4, 5 and 3 more"),
        ("fixed_points", proved(((-1.0, -1.0), (0.0, np.inf)), ""), "−1, [0, ∞]"),
        ("smoothness", proved(np.inf, ""), "C∞"),
        ("smoothness", proved(12, ""), "C¹²"),
        ("smoothness", proved(-1, ""), "it jumps"),
        ("odd", numeric(True, ""), "yes"),
        ("lipschitz", proved(1.0, ""), "1"),
    ],
)
def test_properties_in_words(name, found, text):
    assert property_text(name, found) == text


def test_the_ends_of_a_range_that_are_taken():
    p = nonlin.function("hardtanh").properties
    assert property_text("range", p.range, attained=p.attained) == "[−1, 1]"


@pytest.mark.parametrize(("name", "mean"), [("tanh", "0 ± "), ("relu", "0.398942,")])
def test_a_mean_within_its_error_is_written_as_0(name, mean):
    console = Console(file=io.StringIO(), width=120)
    print_function(describe(nonlin.function(name)), console)
    assert f"mean {mean}" in console.file.getvalue()


@pytest.mark.parametrize("f", nonlin.functions(), ids=lambda f: f.name)
def test_every_function_can_be_reported(f, tmp_path):
    description = describe(f)
    with (tmp_path / "out.txt").open("w", encoding="utf-8") as file:
        print_function(description, Console(file=file, width=120))
    text = (tmp_path / "out.txt").read_text(encoding="utf-8")
    assert text.startswith(f.name)
    assert ("it is" if f.vector else "Linearity") in text
    assert "Lipschitz constant" in text
    assert f.formula in description.to_json()


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        ("1/x", "the integral of f² is not seen to converge; there is no gain"),
        ("exp(x**2)", "E f² is infinite; there is no gain"),
        ("where(x > 0, 1, 0)", "χ₁ ∞, dQ/dq"),
        ("relu(x)", "the squared gradient keeps its size"),
        ("sqrt(abs(x))", "E f′² does not converge, gain 1.11952\n"),
    ],
)
def test_moments_that_are_no_numbers_are_in_words(formula, text):
    written = io.StringIO()
    print_function(describe(nonlin.define(formula)), Console(file=written, width=200))
    lines = [line for line in written.getvalue().splitlines() if line.startswith(("Under", "At that"))]
    assert text in "\n".join(lines) + "\n"
    assert not any(word in " ".join(lines) for word in ("nan", "inf "))


def test_a_product_with_0_is_not_written_with_a_minus():
    example = nonlin.linearity("where(x < 0, 1/x, 0)").homogeneity
    assert example.text.endswith("-1 · 0 = 0")
