"""Units that are on one piece though linear bounds do not show it: mixed-integer bounds, as far as the time allows.

Which piece each unit is on is the integer part: it is branched on, and what is left is a linear program, which HiGHS
solves. Nothing rests on a solver's tolerance: only the multipliers of a program are taken over, and the bound that
follows from them is computed anew and rounded outwards, so that it holds for the stored weights in real arithmetic.

Source: Serra, Kumar and Ramalingam 2020, Lossless compression of deep neural networks, section 5, for the question;
Neumaier and Shcherbina 2004, Safe bounds in linear and mixed-integer linear programming, for the bound.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from time import monotonic

import numpy as np

from nonlin.errors import NonlinError, UnsupportedModelError
from nonlin.geometry.bends import bends_of
from nonlin.geometry.cells.lowering import lower
from nonlin.geometry.checks import check_piecewise_linear
from nonlin.geometry.verification.linear import LeastOf
from nonlin.geometry.verification.propagation import prepare
from nonlin.geometry.verification.search import Limits, maximize
from nonlin.networks import Network, Tensor, trace
from nonlin.networks.array import Array
from nonlin.simplification.editing import replaced
from nonlin.simplification.inputs import Box
from nonlin.simplification.stable import Range

__all__ = ["tightened"]

_CORNERS = 512
"""Corners of the box at which a unit is looked at before anything is proven of it."""

_ROUNDING = 1e-12
"""Relative to the call's largest bound: bounds as close as that differ by rounding, which no split takes away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """Whether sign · u ≤ sign · kink holds for one entry of a pre-activation."""

    entry: int
    sign: int
    kink: float


@dataclass(slots=True, kw_only=True)
class _Count:
    asked: int = 0
    proven: int = 0
    open: int = 0


def tightened(
    network: Network,
    box: Box,
    ranges: Sequence[Range],
    *,
    given: Sequence[Mapping[str, Array]],
    seconds: float,
) -> tuple[list[Range], str]:
    """Bound what was left undecided by branch and bound over the pieces of the units before it.

    Args:
        network: piecewise linear, with one input.
        box: of its input.
        ranges: what is proven so far, in order.
        given: inputs in the box at which units are looked at first: one that is met on two pieces is no question.
        seconds: for everything.

    Returns:
        The ranges with what was proven, and how it went, in words.
    """
    end, count, made = monotonic() + seconds, _Count(), []
    try:
        check_piecewise_linear(network)
        low, high = _ends(network, box)
        seen = [*given, *_corners(network, low, high)]
        for found in ranges:
            questions = list(_questions(network, found, seen))
            made.append(_answered(network, (low, high), found, questions, end, count) if questions else found)
    except NonlinError as error:
        return list(ranges), f"no exact bounds: {error}"
    words = f"exact bounds: {count.proven} of {count.asked} questions proven"
    return made, words + (f", {count.open} left open after {seconds:g} s" if count.open else "")


def _ends(network: Network, box: Box) -> tuple[Array, Array]:
    tensor = network.inputs[0]
    shape = tuple(n for n in tensor.shape[1:] if n is not None)
    if len(shape) < len(tensor.shape) - 1:
        raise UnsupportedModelError(f"expected an input of known shape, got {tensor}; export it with one")
    low, high = (np.broadcast_to(np.asarray(x, np.float64), shape) for x in box[tensor.name])
    return low, high


def _corners(network: Network, low: Array, high: Array) -> Iterator[dict[str, Array]]:
    rng = np.random.default_rng(11)
    share = rng.random((_CORNERS, *[1] * low.ndim))
    yield {network.inputs[0].name: np.where(rng.random((_CORNERS, *low.shape)) < share, low, high)}


def _questions(network: Network, found: Range, seen: Sequence[Mapping[str, Array]]) -> Iterator[_Question]:
    exact = bends_of(found.node, found.low.shape).kinks
    kinks = [float(kink) for kink in exact]
    if kinks != list(exact):  # a kink between two floats would need its own rounding
        return
    low, high = found.low.ravel(), found.high.ravel()
    undecided = np.any([(low < kink) & (high > kink) for kink in kinks], axis=0) if kinks else False
    wide = high - low > _ROUNDING * np.max(np.abs([low, high]))
    entries = np.flatnonzero(undecided & wide)
    if not len(entries):
        return
    head = _head(network, found)
    values = [
        trace(head, {k: x.astype(np.float64) for k, x in feed.items()})[found.node.inputs[0]] for feed in seen
    ]
    u = np.concatenate([x.reshape(len(x), -1)[:, entries] for x in values])
    least, most = u.min(axis=0), u.max(axis=0)
    for k, entry in enumerate(entries.tolist()):
        for left, right in pairwise((-np.inf, *kinks, np.inf)):
            if left <= least[k] and most[k] <= right:
                if low[entry] < left:
                    yield _Question(entry=entry, sign=-1, kink=left)
                if high[entry] > right:
                    yield _Question(entry=entry, sign=1, kink=right)
                break


def _head(network: Network, found: Range) -> Network:
    """Return the network up to a call's pre-activation."""
    end = Tensor(name=found.node.inputs[0], shape=(None, *found.low.shape), dtype="float64")
    return replaced(replace(network, outputs=(end,)), {})


def _answered(
    network: Network,
    box: tuple[Array, Array],
    found: Range,
    questions: list[_Question],
    end: float,
    count: _Count,
) -> Range:
    chain = lower(_head(network, found), box[0].shape)
    relaxation, _, first = prepare(chain, box[0].ravel(), box[1].ravel())
    low, high, certificates = found.low.copy(), found.high.copy(), found.certificates.copy()
    for i, question in enumerate(questions):
        outputs = np.zeros((1, chain.outputs.size))
        outputs[0, question.entry] = question.sign
        constant = np.array([-question.sign * question.kink])
        objective = LeastOf(
            relaxation=relaxation,
            outputs=outputs,
            inputs=np.zeros((1, chain.inputs)),
            constant=constant,
            above=np.zeros(1),
        )
        left = (end - monotonic()) / (len(questions) - i)
        count.asked += 1
        if left <= 0:
            count.open += 1
            continue
        best = maximize(objective, first, limits=Limits(goal=0.0, seconds=left))
        if best.upper <= 0:
            count.proven += 1
            ends, pick = (high, np.minimum) if question.sign > 0 else (low, np.maximum)
            ends.ravel()[question.entry] = pick(ends.ravel()[question.entry], question.kink)
            certificates.ravel()[question.entry] = "exact"
        elif best.reason and best.lower <= 0:
            count.open += 1
    return replace(found, low=low, high=high, certificates=certificates)
