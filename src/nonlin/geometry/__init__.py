"""The exact geometry of a piecewise linear network: its folds along a line, its regions on a plane and in a box."""

from nonlin.geometry.cell_files import read_cells, write_cells
from nonlin.geometry.cells.cell import Cell
from nonlin.geometry.cells.cells import Cells
from nonlin.geometry.counting import Count, count, count_of
from nonlin.geometry.line import Line, line
from nonlin.geometry.polylines import Polyline
from nonlin.geometry.region import Region, region
from nonlin.geometry.space import box, plane, space
from nonlin.geometry.subdivision import Folds, Subdivision, decision_boundary, folds, level_set, subdivide
from nonlin.geometry.verification.lipschitz import Lipschitz, lipschitz
from nonlin.geometry.verification.ranges import OutputRange, output_range
from nonlin.geometry.verification.verify import Verdict, verify

__all__ = [
    "Cell",
    "Cells",
    "Count",
    "Folds",
    "Line",
    "Lipschitz",
    "OutputRange",
    "Polyline",
    "Region",
    "Subdivision",
    "Verdict",
    "box",
    "count",
    "count_of",
    "decision_boundary",
    "folds",
    "level_set",
    "line",
    "lipschitz",
    "output_range",
    "plane",
    "read_cells",
    "region",
    "space",
    "subdivide",
    "verify",
    "write_cells",
]
