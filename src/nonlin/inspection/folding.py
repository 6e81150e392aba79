"""Counts the folds between two samples of different classes."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from nonlin.errors import NonlinError
from nonlin.functions import Function
from nonlin.functions.pieces import affine_pieces
from nonlin.geometry import line
from nonlin.geometry.rows import TooManyFoldsError
from nonlin.inspection.ending import final_call
from nonlin.inspection.recording import CallSite, RecordedCall
from nonlin.inspection.result import Folds
from nonlin.networks import Network

__all__ = ["count_folds", "first_curved"]

Array = npt.NDArray[Any]


def count_folds(network: Callable[[], Network], inputs: Array, classes: Array, *, by_label: bool) -> Folds:
    """Return the folds on the line between the first sample and the first sample of another class.

    Args:
        network: returns the network; it is asked only where there are two samples to put a line between.
        inputs: shape (samples, …), the first samples of the data.
        classes: shape (samples,), whole numbers.
        by_label: whether the classes are labels.
    """
    other = np.flatnonzero(classes != classes[0])
    if not len(other):
        return Folds(reason="the first samples are all of one class")
    second = int(other[0])
    try:
        open_ended, on_logits = without_final(network())
        found = line(open_ended, inputs[0], inputs[second], stretches=False)
    except TooManyFoldsError:
        return Folds(
            reason="there are more than fit in memory at once; "
            f"nonlin fold MODEL --data DATA --line 0 {second} counts them part by part"
        )
    except NonlinError as error:
        return Folds(reason=str(error))
    return Folds(
        first=0,
        second=second,
        classes=(int(classes[0]), int(classes[second])),
        by_label=by_label,
        line=found,
        on_logits=on_logits,
    )


def first_curved(calls: tuple[RecordedCall, ...]) -> CallSite | None:
    """Return the first call inside the network that is not made of straight pieces; it spares reading the graph."""
    sites = (call.site for call in calls if call.site.role != "answer")
    return next((site for site in sites if not _straight(site.function)), None)


def _straight(function: Function) -> bool:
    return function.expression is not None and affine_pieces(function.expression) is not None


def without_final(network: Network) -> tuple[Network, bool]:
    """Return what leads to the first output, without a softmax or sigmoid at its end, which folds nothing."""
    last = final_call(network, ("sigmoid", "logsigmoid", "tanh"))
    first = network.outputs[0]
    logits = first if last is None else replace(first, name=last.inputs[0])
    needed, kept = {logits.name}, []
    for node in reversed(network.nodes):
        if needed.intersection((node.output, *node.extra_outputs)):
            needed.update(node.inputs)
            kept.append(node)
    return replace(network, nodes=tuple(kept[::-1]), outputs=(logits,)), last is not None
