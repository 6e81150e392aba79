"""The exact geometry of a piecewise linear network: its folds along a line, its regions on a plane and in a box."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

# at once, since module and function share a name, and the function must win; neither needs compiled code
from nonlin.geometry.line import Line, line
from nonlin.geometry.region import Region, region

if TYPE_CHECKING:
    from nonlin.geometry.cell_files import read_cells, write_cells
    from nonlin.geometry.cells.cell import Cell
    from nonlin.geometry.cells.cells import Cells
    from nonlin.geometry.counting import Count, count_of
    from nonlin.geometry.polylines import Polyline
    from nonlin.geometry.slices import box, count, plane, space
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

_HOMES = {
    "cell_files": ("read_cells", "write_cells"),
    "cells.cell": ("Cell",),
    "cells.cells": ("Cells",),
    "counting": ("Count", "count_of"),
    "polylines": ("Polyline",),
    "slices": ("box", "count", "plane", "space"),
    "subdivision": ("Folds", "Subdivision", "decision_boundary", "folds", "level_set", "subdivide"),
    "verification.lipschitz": ("Lipschitz", "lipschitz"),
    "verification.ranges": ("OutputRange", "output_range"),
    "verification.verify": ("Verdict", "verify"),
}
"""Where the names live that are imported only when they are first used: a line needs none of their compiled code."""


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"nonlin.geometry.{home}"), name)
    raise AttributeError(f"module 'nonlin.geometry' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
