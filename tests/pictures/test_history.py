"""The picture of a watched run, through its artists."""

from math import inf, nan

import numpy as np
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_hex

from nonlin import pictures
from nonlin.inspection.watching import History, Record
from nonlin.pictures.style import NONFINITE

RECORD = Record(
    step=0, call="first", function="relu", units=8, samples=32, dead=0.0, dead_lasting=0.0, lasting_steps=1,
    saturated=0.0, linear=0.0, slope_mean=0.5, mean=0.5, rms=1.0, gradient_rms=0.25, values=256,
)  # fmt: skip


def made(**figures):
    fields = {name: getattr(RECORD, name) for name in RECORD.to_dict()}
    size = len(next(iter(figures.values())))
    return History(
        Record(**(fields | {"step": 10 * i} | {name: values[i] for name, values in figures.items()}))
        for i in range(size)
    )


def mesh(figure):
    (found,) = (c for c in figure.axes[0].collections if isinstance(c, QuadMesh))
    return found


def test_shares_are_coloured_from_0_to_1():
    figure = pictures.history(made(dead=[0.0, 0.25, 0.5]))
    assert mesh(figure).get_array().tolist() == [[0.0, 0.25, 0.5]]
    assert (mesh(figure).norm.vmin, mesh(figure).norm.vmax) == (0, 1)
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "10", "20"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["first"]


def test_sizes_are_coloured_by_their_logarithm_and_what_has_none_is_left_out():
    figure = pictures.history(made(rms=[1e-3, 0.0, inf, 10.0]), figure="rms")
    assert np.ma.getmaskarray(mesh(figure).get_array()).tolist() == [[False, True, True, False]]
    assert (mesh(figure).norm.vmin, mesh(figure).norm.vmax) == (1e-3, 10.0)
    assert [label.get_text() for label in figure.axes[1].get_yticklabels()] == ["0.001", "0.1", "10"]


def test_outputs_that_are_not_finite_are_seen():
    figure = pictures.history(made(rms=[1.0, nan, inf, 1.0], dead=[0.5, 0.0, 0.0, 0.0]))
    axes = figure.axes[0]
    (image,) = axes.images
    assert np.ma.getmaskarray(image.get_array()).tolist() == [[True, False, False, True]]
    assert to_hex(image.cmap(0)) == NONFINITE
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["NaN or infinite outputs"]
    assert (axes.get_xlim(), axes.get_ylim()) == ((0, 4), (1, 0))
    assert not pictures.history(made(dead=[0.5])).axes[0].images


def test_the_key_of_sizes_that_are_close_has_three_labels():
    figure = pictures.history(made(rms=[0.004, 0.02]), figure="rms")
    figure.canvas.draw()
    labels = [label for label in figure.axes[1].get_yticklabels(which="both") if label.get_text()]
    assert [label.get_text() for label in labels] == ["0.004", "0.013", "0.04"]


@pytest.mark.parametrize("value", [0.0, 1.0, inf])
def test_one_field_can_be_drawn(value, tmp_path):
    pictures.history(made(rms=[value]), figure="rms").savefig(tmp_path / "one.png")
    assert (tmp_path / "one.png").stat().st_size > 1000
