"""The volumes of simple cells: pyramids over the facets that their apex is not on, down to simplices."""

import numpy as np

from nonlin.geometry.cells.compilation import kernel
from nonlin.geometry.cells.leaves import Leaves
from nonlin.geometry.cells.workspace import FACETS
from nonlin.networks.array import Array

__all__ = ["volumes_of"]


@kernel
def _determinant(matrix: Array) -> float:
    """Return the size of the determinant of a matrix, which is used up."""
    n, product = matrix.shape[0], 1.0
    for column in range(n):
        pivot = column
        for i in range(column + 1, n):
            if abs(matrix[i, column]) > abs(matrix[pivot, column]):
                pivot = i
        if matrix[pivot, column] == 0.0:
            return 0.0
        for k in range(n):
            matrix[column, k], matrix[pivot, k] = matrix[pivot, k], matrix[column, k]
        product *= abs(matrix[column, column])
        for i in range(column + 1, n):
            factor = matrix[i, column] / matrix[column, column]
            for k in range(column, n):
                matrix[i, k] -= factor * matrix[column, k]
    return product


@kernel
def _simplices(points: Array, masks: Array, faces: Array, state: Array, matrix: Array) -> float:
    """Return the sum of the determinants of the simplices of one cell.

    Args:
        points: its vertices, shape (vertices, coordinates).
        masks: the facets that each lies on.
        faces: room for the vertices of the face at each depth; all of them in row 0.
        state: for each depth how many vertices its face has, and the facet to go on with.
        matrix: room for a simplex.
    """
    n, depth, total = points.shape[1], 0, 0.0
    state[0, 0], state[0, 1] = len(points), 0
    while depth >= 0:
        apex = faces[depth, 0]
        if depth == n - 1:
            # an edge: the simplices end in its other vertex
            last = faces[depth, 1] if state[depth, 0] > 1 else apex
            for i in range(n):
                for k in range(n):
                    matrix[i, k] = points[faces[i, 0], k] - points[last, k]
            total += _determinant(matrix)
            depth -= 1
            continue
        bit = state[depth, 1]
        if bit == FACETS:
            depth -= 1
            continue
        state[depth, 1] += 1
        if (masks[apex] >> np.uint64(bit)) & np.uint64(1):
            continue
        count = 0
        for i in range(state[depth, 0]):
            if (masks[faces[depth, i]] >> np.uint64(bit)) & np.uint64(1):
                faces[depth + 1, count] = faces[depth, i]
                count += 1
        if count >= n - depth - 1:
            depth += 1
            state[depth, 0], state[depth, 1] = count, 0
    return total


@kernel
def _all(points: Array, masks: Array, counts: Array, rooms: tuple[Array, Array, Array], out: Array) -> None:
    start = 0
    for cell in range(len(counts)):
        end = start + counts[cell]
        for i in range(counts[cell]):
            rooms[0][0, i] = i
        out[cell] = _simplices(points[start:end], masks[start:end], rooms[0], rooms[1], rooms[2])
        start = end


def volumes_of(leaves: Leaves) -> Array:
    """Return the volumes of bounded simple cells, shape (cells,); infinite for others that are unbounded."""
    if not len(leaves.counts):
        return np.zeros(0)
    n = leaves.vertices.shape[1] - 1
    heights = leaves.vertices[:, -1:]
    points = leaves.vertices[:, :-1] / np.where(heights > 0, heights, 1.0)
    most = int(leaves.counts.max(initial=1))
    rooms = (np.zeros((n + 1, most), np.int64), np.zeros((n + 1, 2), np.int64), np.zeros((n, n)))
    out = np.zeros(len(leaves.counts))
    _all(points, leaves.masks, leaves.counts, rooms, out)
    starts = np.concatenate([[0], np.cumsum(leaves.counts)[:-1]]).astype(np.int64)
    out[np.minimum.reduceat(heights[:, 0], starts) <= 0] = np.inf
    return out / float(np.prod(np.arange(1, n + 1)))
