"""Puts what the weights alone predict beside what was measured."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from nonlin.errors import NonlinError
from nonlin.inspection.prediction import Prediction, predict
from nonlin.inspection.prediction.forwards import is_call
from nonlin.inspection.prediction.measured import matched
from nonlin.inspection.result import Call
from nonlin.networks import Network

__all__ = ["input_moments", "predict_calls"]

Array = npt.NDArray[Any]


def predict_calls(network: Callable[[], Network], calls: Sequence[Call], inputs: Array) -> Prediction:
    """Predict the length and the gradient of every call, and put them beside what was measured.

    Args:
        network: reads the network.
        calls: as measured.
        inputs: shape (samples, …); their mean and variance, entry by entry, are all that is used of them.

    Returns:
        The prediction, with the names of the calls where they can be matched. Where there is none, it has no rows, and
        `uncovered` says why.
    """
    try:
        read = network()
        if len(read.inputs) != 1:
            return _none("a network with several inputs")
        nodes = [node for node in read.nodes if is_call(node)]
        beside = matched(nodes, calls)
        gradients = {name: call.gradient for name, call in beside.items() if call.gradient is not None}
        made = predict(read, **input_moments(inputs), measured=gradients)
    except NonlinError as error:
        return _none(str(error))
    rows = tuple(
        replace(row, name=beside[row.name].name, measured_length=_length(beside[row.name]))
        if row.name in beside
        else row
        for row in made.calls
    )
    return replace(made, calls=rows)


def input_moments(inputs: Array) -> dict[str, Array]:
    """Return the mean and the variance of samples, entry by entry, as `predict` takes them; infinite on overflow."""
    with np.errstate(over="ignore", invalid="ignore"):
        return {
            "input_mean": inputs.mean(axis=0, dtype=np.float64),
            "input_variance": inputs.var(axis=0, dtype=np.float64),
        }


def _none(reason: str) -> Prediction:
    return Prediction(model="", calls=(), uncovered=(reason,), correction=0.0)


def _length(call: Call) -> float:
    """Return the mean over units of the second moment of the pre-activation."""
    return call.input_mean**2 + call.input_std**2
