"""Finished cells: room that the walk writes them into, and what is then handed out of it."""

from typing import NamedTuple

from nonlin.networks.array import Array

__all__ = ["Leaves"]


class Leaves(NamedTuple):
    """Finished cells; as room for them of length 0 where they are only counted.

    Args:
        counts: the vertices of each, shape (cells,).
        facets: for each the folds of its facets, −1 − i for the i-th of the domain; shape (cells, most facets).
        regions: for each the piece of every unit of all stages, shape (cells, units).
        maps: of the last stage, shape (cells, coordinates + 1, numbers).
        errors: how far off the maps and their values at the vertices are at most, on a ray of size 1; (cells, numbers).
        vertices: homogeneous, of all cells one behind the other, shape (vertices, coordinates + 1).
        masks: the facets that each lies on, bit by bit, shape (vertices,).
    """

    counts: Array
    facets: Array
    regions: Array
    maps: Array
    errors: Array
    vertices: Array
    masks: Array
