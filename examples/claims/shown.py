"""The pictures of the page of claims."""

from pathlib import Path

import matplotlib as mpl
from activation_functions import CORNERS, exclusive_or
from matplotlib.figure import Figure

import nonlin
from nonlin import pictures
from nonlin.functions.curve import sample

__all__ = ["draw"]


def draw(folder: Path) -> None:
    """Write the pictures as SVG."""
    plane = nonlin.geometry.plane(
        exclusive_or(), CORNERS[0], CORNERS[2], CORNERS[1], window=(-0.5, 1.5, -0.5, 1.5)
    )
    marks = {f"({s:g}, {t:g})": (s, t) for s, t in CORNERS.tolist()}
    made = nonlin.geometry.subdivide(plane)
    _write(pictures.regions(made, colour="output", marks=marks), folder / "exclusive_or.svg")
    _write(pictures.function(sample(nonlin.function("relu"), -2, 2)), folder / "relu.svg")


def _write(figure: Figure, path: Path) -> None:
    with mpl.rc_context({"svg.hashsalt": "nonlin"}):
        figure.savefig(path, facecolor="white", metadata={"Date": None})
