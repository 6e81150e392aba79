"""The exact geometry of a piecewise linear network: its folds along a line, its regions on a plane and in a box."""

from nonlin.geometry.cells.cell import Cell
from nonlin.geometry.cells.cells import Cells
from nonlin.geometry.line import Line, line
from nonlin.geometry.space import box, plane, space

__all__ = ["Cell", "Cells", "Line", "box", "line", "plane", "space"]
