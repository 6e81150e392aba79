"""Lengths and gradients of a network from its weights alone.

Forwards goes the mean and the variance of every entry, for dense layers the covariance of every two, with the weights
themselves and a normal pre-activation; backwards the second moment of the gradient, with E[f'(uᵢ) f'(uⱼ)] from
the way forwards. Averaged over the weights this is the recursion of Poole et al. 2016 (equation 3) and
Schoenholz et al. 2017 (equation 7); with the weights as they are it also knows what is particular to this
network, such as the sums of its rows and a ReLU's mean.

Source: Poole, Lahiri, Raghu, Sohl-Dickstein and Ganguli 2016, Exponential expressivity in deep neural networks
through transient chaos; Schoenholz, Gilmer, Ganguli and Sohl-Dickstein 2017, Deep information propagation.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nonlin.errors import InvalidInputError
from nonlin.inspection.prediction.backwards import pulled_back
from nonlin.inspection.prediction.forwards import Passed, is_call, pushed
from nonlin.inspection.prediction.measured import measured_gradients
from nonlin.inspection.prediction.result import Confidence, PredictedCall, Prediction
from nonlin.inspection.prediction.signal import Signal
from nonlin.inspection.prediction.weights import spread_of
from nonlin.inspection.result import Inspection
from nonlin.networks import Network, Node, read

__all__ = ["predict"]

_STRETCH = 1.2
"""From which multiplication of an error of the input's second moment on a prediction counts as unstable."""


def predict(
    network: Network | str | Path,
    *,
    input_mean: float | npt.ArrayLike = 0.0,
    input_variance: float | npt.ArrayLike = 1.0,
    measured: Inspection | Mapping[str, float] | None = None,
) -> Prediction:
    """Predict the length of every pre-activation and the gradient at every call, without data.

    Args:
        network: from `nonlin.read`, or the path of an ONNX file or .pt2 program.
        input_mean: of the inputs, which count as independent and normal; a number, or an array that broadcasts to
            the shape of one sample.
        input_variance: likewise, at least 0.
        measured: an inspection of the same network, or the norm of the gradient by the name of the call; then what
            was measured stands beside what is predicted.

    Returns:
        One row a call. Behind an operator that the recursion does not cover (max pooling, softmax, a product of two
        tensors, …) calls are "not covered"; the operator is named, and the gradient starts before it.

    Raises:
        InvalidInputError: if the shape of an input is not known, what was measured is of other calls, or a weight is
            NaN or infinite; and what `nonlin.read` raises.

    >>> from nonlin import demonstration
    >>> prediction = predict(demonstration.model_path())
    >>> [call.name for call in prediction.calls], prediction.uncovered
    (['relu1', 'relu2', 'relu3', 'relu4'], ())
    """
    network = read(network)
    inputs = {
        tensor.name: _signal(tensor.name, tensor.shape[1:], input_mean, input_variance)
        for tensor in network.inputs
    }
    passed = pushed(network, inputs)
    nodes = [node for node in network.nodes if is_call(node)]
    covered = [node for node in nodes if node.name in passed.calls]
    sizes = pulled_back(network, passed)
    reached = [node for node in covered if node.output in sizes]
    last = reached[-1] if reached else None
    beside = measured_gradients(nodes, measured)
    makers = network.producers()
    rows = tuple(_with_weights(_row(node, passed, sizes, beside, last), node, makers) for node in nodes)
    correction = 0.0
    if last is not None:
        correction = _decades(sizes[reached[0].output][1] / sizes[last.output][1]) / 2
    return Prediction(model=network.name, calls=rows, uncovered=passed.uncovered, correction=correction)


def _signal(name: str, shape: tuple[int | None, ...], mean: Any, variance: Any) -> Signal:
    given = np.broadcast_shapes(np.shape(mean), np.shape(variance))
    if None in shape and len(given) != len(shape):
        raise InvalidInputError(
            f"expected an input of known shape, got '{name}' of {shape}; give input_variance as an array of the shape "
            "of one sample, or --data"
        )
    whole = given if None in shape else tuple(n or 0 for n in shape)
    try:
        means, variances = (
            np.broadcast_to(np.asarray(x, np.float64), whole)[None].copy() for x in (mean, variance)
        )
    except ValueError as error:
        raise InvalidInputError(
            f"expected a mean and a variance that broadcast to the shape {whole} of '{name}', got {given}; give "
            "numbers, or arrays of the shape of one sample"
        ) from error
    if not (np.all(np.isfinite(means)) and np.all(np.isfinite(variances)) and np.all(variances >= 0)):
        raise InvalidInputError(
            "expected a finite input_mean and an input_variance of at least 0, got others; change them"
        )
    return Signal(mean=means, variance=variances)


def _row(
    node: Node,
    passed: Passed,
    sizes: dict[str, tuple[float, float]],
    beside: Mapping[str, float],
    last: Node | None,
) -> PredictedCall:
    function = getattr(node.operator, "function").label  # noqa: B009 - every call has one, and mypy cannot know
    call = passed.calls.get(node.name)
    ratio = measured = decades = None
    if last is not None and node.output in sizes:
        ratio = float(np.sqrt(np.prod(sizes[node.output]) / np.prod(sizes[last.output])))
    if last is not None and beside.get(last.name) and node.name in beside:
        measured = beside[node.name] / beside[last.name]
    if ratio and measured:
        decades = _decades(ratio / measured)
    confidence: Confidence = "not covered"
    if call is not None:
        confidence = "unstable" if call.lengths.stretch > _STRETCH else "stable"
    return PredictedCall(
        name=node.name,
        function=function,
        length=None if call is None else call.signal.second,
        mean=None if call is None else float(call.signal.mean.mean()),
        length_slope=None if call is None else call.length_slope,
        stretch=None if call is None else call.lengths.stretch,
        gradient=ratio,
        measured=measured,
        decades=decades,
        confidence=confidence,
    )


def _with_weights(row: PredictedCall, node: Node, makers: Mapping[str, Node]) -> PredictedCall:
    spread = spread_of(node, makers)
    if spread is None:
        return row
    return replace(
        row,
        layer=spread.layer,
        weight_variance=spread.weight_variance,
        bias_variance=spread.bias_variance,
    )


def _decades(ratio: float) -> float:
    return float(np.log10(ratio)) if ratio > 0 else float("-inf")
