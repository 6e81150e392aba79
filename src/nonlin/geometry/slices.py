"""Planes, boxes and the whole space: what is asked for, in words of the input."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from nonlin.geometry.cells.cells import Cells, Progress, counted
from nonlin.geometry.cells.compilation import load
from nonlin.geometry.cells.domain import box_domain, plane_domain
from nonlin.geometry.cells.enumeration import Problem
from nonlin.geometry.cells.lowering import lower
from nonlin.geometry.cells.whole import space_domain
from nonlin.geometry.checks import box_ends, box_shape, readied, samples_of
from nonlin.geometry.counting import Count, count_of
from nonlin.networks import Network

__all__ = ["box", "count", "plane", "space"]

load()  # the first count would else load it


def box(
    network: Network | str | Path,
    low: npt.ArrayLike,
    high: npt.ArrayLike,
    *,
    jobs: int = 1,
    on: str | None = None,
    progress: Progress | None = None,
) -> Cells:
    """Count the linear regions of a network in a box of its inputs, in up to six dimensions.

    Args:
        network: piecewise linear, with one input and a batch axis in front of it, or the path of one. All its calls
            count.
        low: the box's lower ends; a number, or an array that broadcasts to the shape of one sample; finite.
        high: its upper ends, none below the lower; where both are the same, that input is fixed.
        jobs: in how many processes of this machine, with joblib; then progress comes part by part.
        on: the address of a Dask scheduler, "tcp://…", on whose workers to count.
        progress: called now and then.

    Returns:
        The regions, in coordinates of the inputs that vary.

    Raises:
        UnsupportedModelError: if the network is not piecewise linear, or has no batch axis; the first node that is not
            understood is named.
        InvalidInputError: if the box does not fit the network, or varies in more than six dimensions.

    >>> from nonlin import demonstration
    >>> from nonlin.networks import read
    >>> network = read(demonstration.model_path())
    >>> high = np.zeros(64)
    >>> high[20] = 16.0  # one pixel varies
    >>> print(box(network, 0.0, high))
    71 linear regions (certified)
    """
    network, shape = readied(network, box_shape(low, high))
    problem = Problem(chain=lower(network, shape), domain=box_domain(*box_ends(shape, low, high)))
    return Cells(**counted(problem, progress=progress, jobs=jobs, on=on))


def plane(  # noqa: PLR0913 - a plane has three points
    network: Network | str | Path,
    p: npt.ArrayLike,
    q: npt.ArrayLike,
    r: npt.ArrayLike,
    *,
    window: tuple[float, float, float, float] = (0.0, 1.0, 0.0, 1.0),
    jobs: int = 1,
    progress: Progress | None = None,
) -> Cells:
    """Count the linear regions of a network on the plane through three inputs.

    Args:
        network: as for `box`, with any number of inputs.
        p: one input without the batch axis, the origin of the plane; finite, taken as the float64 that it is.
        q: another; s grows from p towards it.
        r: a third one; t grows from p towards it.
        window: the ends of s and t: low, high, low, high. A point is x = p + s (q − p) + t (r − p).
        jobs: as for `box`.
        progress: called now and then.

    Returns:
        The regions, in the coordinates s and t.

    Raises:
        UnsupportedModelError: as for `box`.
        InvalidInputError: if the points do not fit the network, or the window is empty.
    """
    network, points = samples_of(network, p, q, r)
    problem = Problem(chain=lower(network, points.shape[1:]), domain=plane_domain(*points, window=window))
    return Cells(**counted(problem, progress=progress, jobs=jobs))


def space(network: Network | str | Path, *, jobs: int = 1, progress: Progress | None = None) -> Cells:
    """Count the linear regions of a network in the whole space of its inputs, unbounded ones included.

    Args:
        network: as for `box`, of up to six inputs.
        jobs: as for `box`.
        progress: called now and then.

    Returns:
        The regions, in coordinates that make the first folds simple: the pre-activations of as many units as there are
        dimensions.

    Raises:
        UnsupportedModelError: as for `box`; or if its first folds do not see every input that later ones do.
        InvalidInputError: if it has more than six inputs.
    """
    network, shape = readied(network)
    chain = lower(network, shape)
    domain = space_domain(chain)
    if domain is None:
        one = Problem(chain=chain, domain=box_domain(np.zeros(chain.inputs), np.eye(1, chain.inputs)[0]))
        return Cells(count=1, certified=True, reason="", exact=1, problem=one)
    return Cells(**counted(Problem(chain=chain, domain=domain), progress=progress, jobs=jobs))


def count(
    network: Network | str | Path,
    low: npt.ArrayLike | None = None,
    high: npt.ArrayLike | None = None,
    *,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Count:
    """Count the linear regions of a network in a box, and put the known bounds beside the count.

    Args:
        network: as for `box`.
        low: the box's lower ends as for `box`; None for the whole space.
        high: its upper ends.
        jobs: in how many processes.
        progress: called with the count so far and an estimate of the share that is done.

    Returns:
        The count, the counts after each call, and the bounds.

    Raises:
        UnsupportedModelError, InvalidInputError: as of `box` and `space`.

    >>> from nonlin import demonstration
    >>> from nonlin.networks import read
    >>> network = read(demonstration.model_path())
    >>> high = np.zeros(64)
    >>> high[[20, 28]] = 16.0  # two pixels vary
    >>> found = count(network, 0.0, high)
    >>> found.count, found.after, found.serra, found.estimate
    (1320, {'relu1': 371, 'relu2': 876, 'relu3': 1141, 'relu4': 1320}, 390005481173, 14112.0)
    """
    if low is None or high is None:
        return count_of(space(network, jobs=jobs, progress=progress))
    return count_of(box(network, low, high, jobs=jobs, progress=progress))
