"""Pictures of finished results, with matplotlib; each function draws, computes nothing and returns a figure.

What comes back is a `matplotlib.figure.Figure` that belongs to no window: `figure.savefig("overview.pdf")`.
"""

from nonlin.pictures.call import pre_activations, units
from nonlin.pictures.calls import gradients, overview
from nonlin.pictures.card import function, outputs
from nonlin.pictures.cost import costs
from nonlin.pictures.folding import approximation, neurons
from nonlin.pictures.function import functions
from nonlin.pictures.history import history
from nonlin.pictures.line import line
from nonlin.pictures.linearity import counterexample
from nonlin.pictures.prediction import prediction
from nonlin.pictures.subdivision import crease_pattern, regions, surface
from nonlin.pictures.vanishing import vanishing
from nonlin.pictures.verdict import verdict

__all__ = [
    "approximation",
    "costs",
    "counterexample",
    "crease_pattern",
    "function",
    "functions",
    "gradients",
    "history",
    "line",
    "neurons",
    "outputs",
    "overview",
    "pre_activations",
    "prediction",
    "regions",
    "surface",
    "units",
    "vanishing",
    "verdict",
]
