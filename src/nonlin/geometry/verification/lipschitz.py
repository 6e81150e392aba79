"""The Lipschitz constant of an output over a box, closed as far as branch and bound comes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nonlin.errors import InvalidInputError
from nonlin.geometry.cells.lowering import lower
from nonlin.geometry.checks import box_ends, box_shape, check_output, readied
from nonlin.geometry.verification.chords import way_back
from nonlin.geometry.verification.gradients import Passed, gradients
from nonlin.geometry.verification.propagation import Boxes, prepare
from nonlin.geometry.verification.relaxation import Relaxation
from nonlin.geometry.verification.search import Limits, Maximum, Progress, maximize, threads_of
from nonlin.geometry.verification.steepness import DUAL, Steepness
from nonlin.networks import Network
from nonlin.networks.array import Array
from nonlin.results import Result, plain

__all__ = ["Lipschitz", "lipschitz"]

_FEW_INPUTS = 64
"""Inputs up to which gradients are bounded by chords as well as by intervals; each is one more row."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lipschitz(Result):
    """The steepest slope of an output over a box: |f(x) − f(y)| ≤ constant · ‖x − y‖ for all x, y in it.

    Args:
        constant: an interval that is proven to hold the exact one.
        witness: an input beside which the output is proven to be at least as steep as the interval's lower end, shape
            of one sample; None without.
        norm: of the inputs, 1, 2 or inf. Gradients have the dual one: their largest entry, 2-norm, or sum of sizes.
        output: which of the flattened first output.
        closed: whether the interval is as narrow as was asked for.
        share: of the box, what is not decided.
        nodes: how many parts were looked at.
        seconds: how long it took.
        reason: "" where it is closed; else why not.
    """

    constant: tuple[float, float]
    witness: Array | None
    norm: float
    output: int
    closed: bool
    share: float
    nodes: int
    seconds: float
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Return the result as values that JSON has; an infinite number is None, and the norm a text."""
        return {**plain(self), "norm": f"{self.norm:g}"}

    def columns(self) -> dict[str, list[Any]]:
        """Return one row; the interval as two columns."""
        named = self.to_dict()
        least, largest = named.pop("constant")
        return {key: [value] for key, value in {"least": least, "largest": largest, **named}.items()}

    def __str__(self) -> str:
        status = "closed" if self.closed else self.reason
        return f"from {self.constant[0]:.6g} to {self.constant[1]:.6g} ({status})"


def lipschitz(  # noqa: PLR0913 - all but the first three are options
    network: Network | str | Path,
    low: npt.ArrayLike,
    high: npt.ArrayLike,
    *,
    output: int = 0,
    norm: float = 2,
    tolerance: float = 1e-6,
    timeout: float = 60.0,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Lipschitz:
    """Find the Lipschitz constant of an output over a box of inputs, without enumerating its regions.

    It is the largest dual norm of the gradient in any linear region that meets the box with interior, in real
    arithmetic with the weights as stored. Parts of the box are bounded by intervals of their gradients, and split.

    Args:
        network: piecewise linear and continuous in the box, with one input; or the path of one.
        low: the box's finite lower ends; numbers, or arrays that broadcast to the shape of one sample. Inputs whose two
            ends are equal are fixed: only the others count.
        high: its upper ends.
        output: which, of the flattened first output.
        norm: of the inputs: 1, 2 or inf.
        tolerance: how wide the interval may be, in relation to the constant, and absolutely below 1.
        timeout: seconds.
        threads: how many work at once; None: one for each core that this process may use.
        progress: called with the decided share and the seconds.

    Returns:
        An interval and a witness; also after an interrupt (Ctrl-C), as far as it had come.

    Raises:
        InvalidInputError: if the box does not fit, a call jumps in it, or there is no such output or norm.
        UnsupportedModelError: if the network is not piecewise linear; the node is named.

    >>> from nonlin import demonstration
    >>> from nonlin.networks import read
    >>> with np.load(demonstration.data_path()) as data:
    ...     image = data["images"][0]
    >>> print(lipschitz(read(demonstration.model_path()), image - 0.01, image + 0.01))
    from 1.19095 to 1.19095 (closed)
    """
    network, shape = readied(network, box_shape(low, high))
    ends = box_ends(shape, low, high)
    chain = lower(network, shape)
    check_output(output, chain.outputs.size)
    if norm not in DUAL:
        raise InvalidInputError(f"expected the norm 1, 2 or inf, got {norm}; choose one of them")
    relaxation, _, first = prepare(chain, *ends)
    _check_continuous(relaxation, first)
    path: list[Passed] = []
    gradients(relaxation, first.pieces, output, path=path)
    way = way_back(relaxation, path) if chain.inputs <= _FEW_INPUTS else None
    objective = Steepness(relaxation=relaxation, low=ends[0], high=ends[1], output=output, norm=norm, way=way)
    found = maximize(
        objective,
        first,
        points=objective.climbed(),
        limits=Limits(tolerance=tolerance, relative=tolerance, seconds=timeout, threads=threads_of(threads)),
        progress=progress,
    )
    return _result(found, shape, output, norm)


def _result(found: Maximum, shape: tuple[int, ...], output: int, norm: float) -> Lipschitz:
    return Lipschitz(
        constant=(max(found.lower, 0.0), found.upper),
        witness=None if found.witness is None else found.witness.reshape(shape),
        norm=norm,
        output=output,
        closed=not found.reason,
        share=found.share if found.reason else 0.0,
        nodes=found.nodes,
        seconds=found.seconds,
        reason=found.reason,
    )


def _check_continuous(relaxation: Relaxation, first: Boxes) -> None:
    """Refuse a network that may jump in the box."""
    for k, layer in enumerate(relaxation.layers):
        if len(layer.windows):
            continue
        if np.any(layer.jumps & (first.pieces[0, relaxation.part(k)] == -1)):
            raise InvalidInputError(
                f"expected a network that does not jump in the box, but node '{layer.call}' may; "
                "a jump has no Lipschitz constant: choose a smaller box"
            )
