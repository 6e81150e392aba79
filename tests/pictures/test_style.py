"""The house style of the pictures."""

import io
import subprocess
import sys

import matplotlib as mpl
import pytest

from nonlin import pictures
from nonlin.pictures.style import CYCLE, shorten

OKABE_ITO = {"#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#000000"}


def test_the_colours_are_okabe_and_itos():
    assert set(CYCLE) <= OKABE_ITO
    assert len(set(CYCLE)) == len(CYCLE)


def drawn(inspection):
    text = io.StringIO()
    for figure in (
        pictures.overview(inspection),
        pictures.gradients(inspection),
        pictures.units(inspection, "relu1"),
    ):
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()


def test_the_users_settings_neither_change_nor_matter(demo, monkeypatch):
    monkeypatch.setitem(mpl.rcParams, "svg.hashsalt", "test")
    usual = drawn(demo)
    users = {
        "font.size": 30,
        "axes.labelsize": 40,
        "text.color": "red",
        "xtick.labelsize": 50,
        "ytick.color": "red",
    }
    with mpl.rc_context(users):
        before = dict(mpl.rcParams)
        assert drawn(demo) == usual
        assert dict(mpl.rcParams) == before


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["relu", "a" * 28], ["relu", "a" * 28]),
        (["b" * 29], ["bbbbbbbbb…bbbbbbbbbbbbbbbbbb"]),
        (
            ["net/layers.1/mlp/a_long_word/activation/Tanh", "net/layers.22/mlp/a_long_word/activation/Tanh"],
            ["…1…", "…22…"],
        ),
        (["a/b" * 12, "a/b" * 12], None),
        (["same/name", "same/name" + "x" * 40], None),
        ([], []),
    ],
)
def test_long_names_lose_what_they_share_then_their_middle(names, short):
    found = shorten(names)
    assert short is None or found == short
    assert all(0 < len(name) <= 28 for name in found)


def test_shortened_layers_can_be_told_apart():
    names = [f"encoder/layers.{i}/feed_forward/activation_fn/Tanh" for i in range(150)]
    assert len(set(shorten(names))) == 150


def test_no_state_of_pyplot_and_no_report_loads_matplotlib():
    code = """
import sys
import nonlin.report
assert "matplotlib" not in sys.modules, "nonlin.report loads matplotlib"
import nonlin.pictures
assert "matplotlib.pyplot" not in sys.modules, "nonlin.pictures loads pyplot"
"""
    subprocess.run([sys.executable, "-c", code], check=True)
