"""The exact geometry of a piecewise linear network: its folds along a line."""

from nonlin.geometry.line import Line, line

__all__ = ["Line", "line"]
