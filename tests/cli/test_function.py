"""`nonlin function` and `nonlin functions` as a user runs them."""

import json
import subprocess
import sys
from xml.etree import ElementTree as ET

import pytest
from click import NoSuchOption
from click.testing import CliRunner
from matplotlib.figure import Figure

import nonlin as package
from nonlin.cli.formula import FormulaCommand
from nonlin.cli.function import function

RUN = [sys.executable, "-W", "error", "-m", "nonlin"]


def nonlin(*arguments, cwd=None):
    return subprocess.run([*RUN, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, check=False)


def test_a_function_in_the_terminal():
    result = nonlin("function", "gelu", "--at", "0", "--at", "2.5")
    assert result.returncode == 0
    assert result.stderr == ""
    assert "\x1b" not in result.stdout
    words = " ".join(result.stdout.split())
    assert "range [−0.169971, ∞) proved" in words
    assert "gain 1.53353" in words
    f = package.function("gelu")
    assert f"2.5 {f(2.5):.7g} {f.slope(2.5):.7g} {f.curvature(2.5):.7g}" in words
    assert "Breaks additivity f(1 + -1) = f(0) = 0" in words
    assert any(0x2800 < ord(letter) < 0x2900 for letter in result.stdout)


def test_a_formula_with_a_parameter_as_json():
    result = nonlin("function", "x * sigmoid(b * x)", "-p", "b=2", "--format", "json", "--at", "1")
    data = json.loads(result.stdout)
    f = package.function("swish", beta=2.0)
    assert data["parameters"] == {"b": 2.0}
    assert data["values"] == [
        {"x": 1.0, "value": f(1.0), "slope": f.slope(1.0), "curvature": f.curvature(1.0)}
    ]
    assert data["properties"]["limits"]["value"] == [0.0, "inf"]
    assert data["properties"]["lipschitz"]["status"] == "proved"
    assert data["linearity"]["verdict"] == "nonlinear"


def test_several_functions_share_a_picture(tmp_path):
    for ending, start in (("svg", b"<?xml"), ("pdf", b"%PDF"), ("html", b"<!doctype html>")):
        result = nonlin(
            "function", "relu", "leaky_relu", "-p", "negative_slope=0.2", "-o", tmp_path / f"p.{ending}"
        )
        assert result.returncode == 0, result.stderr
        assert (tmp_path / f"p.{ending}").read_bytes().startswith(start)
    svg = ET.parse(tmp_path / "p.svg").getroot()  # noqa: S314 - our own file
    assert svg.tag.endswith("svg")
    page = (tmp_path / "p.html").read_text()
    assert "leaky_relu(negative_slope=0.2)" in page
    assert "<script" not in page
    assert page.count("http") == page.count("http://www.w3.org")


def test_a_name_cannot_break_out_of_the_page(tmp_path):
    result = nonlin("function", "where(x < 1, x, 2*x)", "-o", tmp_path / "p.html")
    assert result.returncode == 0
    page = (tmp_path / "p.html").read_text()
    assert "x &lt; 1" in page
    assert "(x < 1" not in page


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["geluu"], "did you mean gelu"),
        (["x *"], "invalid syntax"),
        (["relu", "-p", "alpha=1"], "no parameters"),
        (["elu", "-p", "alpha"], "NAME=VALUE"),
        (["gelu", "--interval", "3", "1"], "low < high"),
        (["gelu", "--variance", "-1"], "variance above 0"),
        (["gelu", "-o", "p.bmp"], ".svg"),
        (["gelu", "-o", "missing/p.png"], "no missing"),
        (["gelu", "--format", "png"], "--output"),
        (["softmax", "relu", "-o", "p.png"], "softmax"),
        (["softmax", "--interval", "3", "1"], "low < high"),
        (["glu", "--at", "1"], "even number"),
        (["softmax", "--at", "nan"], "finite points"),
        (["gelu", "--at", "nan"], "finite points"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(arguments, word, tmp_path):
    result = nonlin("function", *arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert result.stdout == ""
    (line,) = result.stderr.strip().splitlines()
    assert word in line
    assert list(tmp_path.iterdir()) == []


def read(*words):
    """Return what `nonlin function` takes these words for."""
    return FormulaCommand("try", params=function.params).make_context("try", [*words]).params


@pytest.mark.parametrize("word", ["-x", "-2", "-.5 * x", "-(2 * x)", "-softplus(x)", "-pi * x", "--x"])
def test_a_formula_may_begin_with_a_minus_sign(word):
    assert [name.strip() for name in read("relu", word, "-p", "a=1")["functions"]] == ["relu", word]


@pytest.mark.parametrize(
    ("word", "name"), [("-oplot.png", "output"), ("-pbeta=2", "parameter"), ("--output=x", "output")]
)
def test_an_option_with_its_value_is_no_formula(word, name):
    found = read("relu", word)
    assert found["functions"] == ("relu",)
    assert found[name]


@pytest.mark.parametrize("word", ["-z", "--outpt"])
def test_a_mistyped_option_is_no_formula(word):
    with pytest.raises(NoSuchOption, match=word):
        read("relu", word)


def test_a_negated_function_is_described():
    result = nonlin("function", "-x", "-softplus(x)", "--at", "-1", "--format", "json")
    first, second = json.loads(result.stdout)
    assert first["name"] == "-x"
    assert first["values"][0]["value"] == 1.0
    assert second["values"][0]["value"] == -package.function("softplus")(-1.0)


def test_a_mistyped_option_gets_the_nearest():
    result = nonlin("function", "gelu", "--outpt", "p.png")
    assert result.returncode == 2
    assert "Did you mean '--output'?" in result.stderr


def test_a_function_of_a_vector(tmp_path):
    words = " ".join(nonlin("function", "softmax", "--at", "1", "--at", "2").stdout.split())
    assert "range (0, 1) proved" in words
    assert "Lipschitz constant 0.5 proved" in words
    value = package.function("softmax")([1.0, 2.0])
    assert f"At (1, 2) it is ({value[0]:.6f}, {value[1]:.6f})" in words
    assert "range [0, ∞) proved" in " ".join(nonlin("function", "crelu").stdout.split())
    result = nonlin("function", "sparsemax", "gelu", "-o", tmp_path / "p.html")
    assert result.returncode == 0, result.stderr
    page = (tmp_path / "p.html").read_text()
    assert page.count("<svg") == 1
    assert "sums to one" in page
    assert nonlin("function", "glu", "-o", tmp_path / "p.svg").returncode == 0
    assert "x of glu(1, x)" in (tmp_path / "p.svg").read_text()


@pytest.mark.parametrize("ending", ["png", "svg", "html"])
def test_a_picture_that_fails_leaves_what_was_there(ending, tmp_path, monkeypatch):
    def fail(_figure, held, **_):
        held.write(b"half" if ending == "png" else "half")
        raise OSError(28, "No space left on device")

    place = tmp_path / f"p.{ending}"
    place.write_text("old")
    monkeypatch.setattr(Figure, "savefig", fail)
    assert CliRunner().invoke(function, ["relu", "-o", str(place)]).exception is not None
    assert place.read_text() == "old"
    assert list(tmp_path.iterdir()) == [place]


def test_the_list_and_its_filters():
    result = nonlin("functions", "--smooth", "--monotone", "--bounded", "--format", "json")
    names = {f["name"] for f in json.loads(result.stdout)}
    assert names >= {"sigmoid", "tanh", "arctan", "erf", "softclip"}
    assert not names & {"softsign", "hardtanh", "gaussian", "softplus", "silu", "sine"}
    (celu,) = [
        f
        for f in json.loads(nonlin("functions", "--not-vector", "--format", "json").stdout)
        if f["name"] == "celu"
    ]
    assert celu["parameters"] == [
        {"name": "alpha", "default": 1.0, "low": 1e-30, "high": None, "learnable": False}
    ]
    everything = nonlin("functions")
    assert f"{len(package.functions())} of {len(package.functions())} functions" in everything.stdout
    vectors = {f["name"] for f in json.loads(nonlin("functions", "--vector", "--format", "json").stdout)}
    assert vectors == {f.name for f in package.functions() if f.vector}
    bent = {f["name"] for f in json.loads(nonlin("functions", "--not-continuous", "--format", "json").stdout)}
    assert bent >= {"step", "hardshrink", "thresholded_relu"}
    assert "relu" not in bent
    assert "softmax" not in bent  # of a vector it is not asked
    level = {
        f["name"] for f in json.loads(nonlin("functions", "--bounded", "--vector", "--format", "json").stdout)
    }
    assert level == {"softmax", "softmin", "sparsemax", "entmax", "hardmax"}


@pytest.mark.parametrize(
    "arguments", [("functions",), ("functions", "--format", "json"), ("function", "gelu")]
)
def test_a_reader_who_leaves_ends_it_quietly(arguments):
    process = subprocess.Popen([*RUN, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 141
    assert errors == b""


def test_no_bracket_where_nobody_knows_whether_an_end_is_a_value():
    words = " ".join(nonlin("function", "relu(x**2 - 4)").stdout.split())
    assert "range 0 to ∞ numeric" in words
