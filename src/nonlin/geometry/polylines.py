"""Segments that meet end to end, joined."""

from dataclasses import dataclass

import numpy as np

from nonlin.networks.array import Array

__all__ = ["Polyline", "joined"]

_NEAR = 1e-9
"""Ends of segments nearer than this share of the whole extent are one: the two cells of an edge round it apart."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Polyline:
    """A curve of straight pieces.

    Args:
        points: in order along it, float64, shape (points, 2); a closed one ends where it begins.
        between: the two numbers that meet here: the outputs of a decision boundary, (output, output) for a level.
    """

    points: Array
    between: tuple[int, int]

    @property
    def closed(self) -> bool:
        """Whether it ends where it begins."""
        return len(self.points) > 2 and bool(np.all(self.points[0] == self.points[-1]))

    @property
    def length(self) -> float:
        """Its Euclidean length in the coordinates of the slice."""
        return float(np.linalg.norm(np.diff(self.points, axis=0), axis=1).sum())


def joined(segments: Array, between: tuple[int, int], *, extent: float) -> list[Polyline]:
    """Return segments as the fewest curves; where three or more meet, all of them end.

    Args:
        segments: shape (segments, 2, 2).
        between: as of `Polyline`.
        extent: of the whole picture, which says what is near.
    """
    if not len(segments):
        return []
    nodes, places = _nodes(segments.reshape(-1, 2), extent * _NEAR)
    edges = nodes.reshape(-1, 2)
    at: dict[int, list[int]] = {}
    for i, (a, b) in enumerate(edges.tolist()):
        if a != b:
            at.setdefault(a, []).append(i)
            at.setdefault(b, []).append(i)
    left = {i for around in at.values() for i in around}
    starts = [node for node, around in at.items() if len(around) != 2]
    made = []
    for node in (*starts, *at):  # first from the ends, so that what then is left is closed
        for edge in at[node]:
            if edge in left:
                path = _walked(node, edge, (edges, at, left))
                made.append(Polyline(points=places[path], between=between))
    return made


def _nodes(points: Array, near: float) -> tuple[Array, Array]:
    """Return the number of every point, equal for those that are near each other, and where the numbers are."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    pairs = cKDTree(points).query_pairs(near, output_type="ndarray")
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(points), len(points)))
    _, numbers = connected_components(graph, directed=False)
    _, first = np.unique(numbers, return_index=True)
    return np.asarray(numbers), points[first]


def _walked(node: int, edge: int, graph: tuple[Array, dict[int, list[int]], set[int]]) -> list[int]:
    """Follow a curve from a node along an edge to its end, and take its edges away."""
    edges, at, left = graph
    path = [node]
    while True:
        left.discard(edge)
        a, b = edges[edge].tolist()
        path.append(b if a == path[-1] else a)
        following = [i for i in at[path[-1]] if i in left]
        if len(at[path[-1]]) != 2 or not following:
            return path
        edge = following[0]
