"""Makes a change on a copy; what depends on the data is measured on the copy as it is by then."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from nonlin.inspection.curing.change import Change
from nonlin.inspection.curing.editing import CannotChangeError, Editable
from nonlin.inspection.curing.layer_weights import LayerWeights
from nonlin.inspection.curing.scales import InputScale, function_gain
from nonlin.inspection.recording import Batch, RecordedCall, Recording

__all__ = ["apply"]

Array = npt.NDArray[Any]

_HOMOGENEOUS = ("relu", "leaky_relu", "prelu", "identity", "abs")
_TINY = 1e-30


def apply(copy: Editable, change: Change, batches: Sequence[Batch], scale: InputScale | None) -> None:
    """Make a change.

    Args:
        copy: is changed.
        change: which.
        batches: what to measure on.
        scale: of the network's input, None where it is no numbers.

    Raises:
        CannotChangeError: with the reason.
    """
    if change.kind == "standardise":
        if scale is None or not scale.std > 0:
            raise CannotChangeError("the input has no standard deviation to divide by")
        copy.standardise(scale)
    elif change.kind == "initialise":
        _rescale_all(copy, _names(copy, batches), batches)
    elif change.kind == "replace":
        names = _names(copy, batches)
        for call in reversed(change.layers):  # the later ones of a kind are numbered by the earlier ones
            copy.exchange(call, change.function)
        _rescale_all(copy, names, batches)
    elif change.kind == "exchange":
        before = _recording(copy, batches)
        copy.exchange(change.call, change.function)
        _keep_behind(copy, change.call, before, batches)
    elif change.kind == "merge":
        copy.merge(change.layers)
    elif change.kind == "insert":
        copy.insert(change.layers, change.function)
    elif change.kind == "balance":
        _change_weights(copy, change, batches)
    else:
        before = _recording(copy, batches)
        _change_weights(copy, change, batches)
        _keep_behind(copy, change.call, before, batches)


def _names(copy: Editable, batches: Sequence[Batch]) -> list[str]:
    return [recorded.site.name for recorded in _recording(copy, batches).calls]


def _rescale_all(copy: Editable, names: Sequence[str], batches: Sequence[Batch]) -> None:
    """Rescale every layer in forward order; `names` are the calls' own, from before any was exchanged."""
    rescaled = 0
    for place, name in enumerate(names):
        layer, calls = copy.weights().get(name), _recording(copy, batches).calls
        if layer is None or len(calls) != len(names) or len(layer.weight) != calls[place].statistics.units:
            continue
        factor = _factor(Change(kind="rescale", call=name), calls[place])
        bias = np.zeros(len(factor)) if layer.bias is None else layer.bias
        copy.set_weights(name, layer.weight * factor[:, None], bias * factor)
        rescaled += 1
    if not rescaled:
        raise CannotChangeError("no call has a layer before it whose weights could be rescaled")


def _change_weights(copy: Editable, change: Change, batches: Sequence[Batch]) -> None:
    layer = copy.weights().get(change.call)
    if layer is None:
        raise CannotChangeError(f"{change.call} has no layer before it whose weights could be changed")
    if change.kind == "reinitialise":
        _draw(copy, change, layer, batches)
        return
    recorded = _recorded(copy, change.call, batches)
    if len(layer.weight) != recorded.statistics.units:
        raise CannotChangeError(f"the units of {layer.name} are not those of {change.call}")
    if change.kind == "revive":
        _silence(copy, change, recorded)
    factor = _factor(change, recorded)
    shift = _mean(recorded) if change.kind in ("shift", "revive", "normalise") else np.zeros(len(factor))
    shift *= _chosen(change, len(shift))
    bias = np.zeros(len(factor)) if layer.bias is None else layer.bias
    copy.set_weights(change.call, layer.weight * factor[:, None], (bias - shift) * factor)
    if change.kind == "balance":
        _compensate(copy, change.call, factor, recorded)


def _factor(change: Change, recorded: RecordedCall) -> Array:
    spread = np.sqrt(np.asarray(recorded.statistics.pre_activation.variance, np.float64))
    if change.kind in ("shift", "revive"):
        return np.ones(len(spread))
    if not np.all(np.isfinite(spread)) or not np.any(spread > _TINY):
        raise CannotChangeError(f"the pre-activations of {change.call} have no scale that could be changed")
    if change.kind == "normalise":
        return 1 / np.where(spread > _TINY, spread, 1.0)
    return np.full(len(spread), 1 / np.sqrt(np.mean(spread**2)))


def _mean(recorded: RecordedCall) -> Array:
    mean = np.array(recorded.statistics.pre_activation.mean, np.float64)
    if not np.all(np.isfinite(mean)):
        raise CannotChangeError("the pre-activations are not finite, so that nothing can be centred")
    return mean


def _chosen(change: Change, units: int) -> Array:
    chosen = np.zeros(units) if change.units else np.ones(units)
    chosen[list(change.units)] = 1
    return chosen


def _silence(copy: Editable, change: Change, recorded: RecordedCall) -> None:
    """Let the units that come back add what they did: a constant, which moves into the biases behind them."""
    chosen = _chosen(change, recorded.statistics.units)
    constants = np.asarray(recorded.statistics.output.mean, np.float64) * chosen
    copy.scale_readers(change.call, 1 - chosen, constants)


def _compensate(copy: Editable, call: str, factor: Array, recorded: RecordedCall) -> None:
    name = recorded.site.function.name
    if name not in _HOMOGENEOUS:
        raise CannotChangeError(
            f"{name} does not scale with its argument, so that the next layer cannot undo it"
        )
    if not copy.scale_readers(call, 1 / factor):
        raise CannotChangeError(f"no layer was found that reads {call} and nothing else")


def _draw(copy: Editable, change: Change, layer: LayerWeights, batches: Sequence[Batch]) -> None:
    """Draw weights anew, then set their size and the biases so that the pre-activations are standardised."""
    if change.units:
        _silence(copy, change, _recorded(copy, change.call, batches))
    chosen = _chosen(change, len(layer.weight)).astype(bool)
    drawn = np.random.default_rng(0).standard_normal(layer.weight.shape)
    drawn /= np.maximum(np.linalg.norm(drawn, axis=1, keepdims=True), _TINY)
    bias = np.zeros(len(layer.weight)) if layer.bias is None else layer.bias.copy()
    weight = np.where(chosen[:, None], drawn, layer.weight)
    copy.set_weights(change.call, weight, np.where(chosen, 0, bias))
    recorded = _recorded(copy, change.call, batches)
    spread = np.sqrt(np.asarray(recorded.statistics.pre_activation.variance, np.float64))
    fallback = function_gain(recorded.site.function)
    factor = np.where(chosen, np.where(spread > _TINY, 1 / np.maximum(spread, _TINY), fallback), 1.0)
    shift = np.where(chosen, _mean(recorded), 0.0)
    copy.set_weights(change.call, weight * factor[:, None], (np.where(chosen, 0, bias) - shift) * factor)


def _keep_behind(copy: Editable, call: str, before: Recording, batches: Sequence[Batch]) -> None:
    """Give the next call's pre-activations the mean of each unit and the size that they had.

    What follows was trained for what came before the change; only where that is a finite size, it is kept.
    """
    names = [recorded.site.name for recorded in before.calls]
    place = names.index(call) + 1
    after = _recording(copy, batches)
    if place >= len(names) or len(after.calls) != len(names):
        return
    layer = copy.weights().get(names[place])
    old, new = before.calls[place].statistics, after.calls[place].statistics
    if layer is None or len(layer.weight) != old.units or old.nonfinite or new.nonfinite:
        return
    size, now = (float(np.sqrt(np.mean(s.pre_activation.variance))) for s in (old, new))
    if not size > _TINY or not now > _TINY:
        return
    factor = size / now
    bias = np.zeros(old.units) if layer.bias is None else layer.bias
    drift = np.asarray(new.pre_activation.mean, np.float64) - bias
    copy.set_weights(
        names[place], layer.weight * factor, np.asarray(old.pre_activation.mean) - factor * drift
    )


def _recording(copy: Editable, batches: Sequence[Batch]) -> Recording:
    return copy.opened.record(iter(batches), None)


def _recorded(copy: Editable, call: str, batches: Sequence[Batch]) -> RecordedCall:
    calls = _recording(copy, batches).calls
    found = next((recorded for recorded in calls if recorded.site.name == call), None)
    if found is None:
        raise CannotChangeError(f"{call} is no longer there")
    return found
