"""The plane through three samples of a network that the page does not compute itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nonlin import geometry
from nonlin.networks import evaluate

if TYPE_CHECKING:
    from nonlin.networks import Network
    from nonlin.networks.array import Array

__all__ = ["GRID", "WINDOW", "computed_plane"]

WINDOW = (-0.25, 1.25, -0.25, 1.25)
GRID = 61
_OUTPUTS = 10
_MOST_CELLS = 4000
"""More polygons than that make the page slow and large."""


def computed_plane(network: Network, samples: Array) -> dict[str, Any]:
    """Return the regions on the plane through three samples, or its outputs on a grid where there are none.

    Args:
        network: with one input.
        samples: float64, shape (3, …).

    Returns:
        `cells` and `count` for a piecewise linear network with at most 4,000 regions there, else `picture`, and
        `many`, whether it is so because there are more.
    """
    if not network.piecewise_linear:
        return _sampled(network, samples) | {"many": False}
    try:
        cells = geometry.plane(network, *samples, window=WINDOW, progress=_stop)
    except _TooManyError:
        return _sampled(network, samples) | {"many": True}
    return _folded(network, samples, cells)


class _TooManyError(Exception):
    """Ends the count of regions that nobody could see."""


def _stop(count: int, _share: float) -> None:
    if count > _MOST_CELLS:
        raise _TooManyError


def _folded(network: Network, samples: Array, cells: geometry.Cells) -> dict[str, Any]:
    made = []
    for cell in cells.cells:
        maps = np.column_stack([cell.weight, cell.bias])[:_OUTPUTS]
        made.append({"points": cell.vertices.tolist(), "maps": maps.tolist()})
    ends = (("p – q", 0, 1), ("q – r", 1, 2), ("r – p", 2, 0))
    lines = [[name, geometry.line(network, samples[i], samples[j]).count] for name, i, j in ends]
    return {"outputs": len(made[0]["maps"]), "cells": made, "count": cells.count, "lines": lines}


def _sampled(network: Network, samples: Array) -> dict[str, Any]:
    middles = WINDOW[0] + (np.arange(GRID) + 0.5) * (WINDOW[1] - WINDOW[0]) / GRID
    t, s = np.meshgrid(middles, middles, indexing="ij")
    p, q, r = samples
    points = p + np.multiply.outer(s.ravel(), q - p) + np.multiply.outer(t.ravel(), r - p)
    values = np.asarray(evaluate(network, {network.inputs[0].name: points})[0]).reshape(len(points), -1)
    shown = values[:, :_OUTPUTS].T
    # four digits are more than a colour shows
    rounded = [[float(f"{v:.4g}") for v in row] for row in shown]
    return {"outputs": len(rounded), "cells": None, "picture": {"size": GRID, "values": rounded}}
