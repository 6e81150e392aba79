"""The rules of four tools, as their documentation and their authors' papers give them.

What is NaN or infinite is neither inactive nor near 0: the statistics count it as such, and it is taken off.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from nonlin.errors import InvalidInputError
from nonlin.inspection.presets.measuring import Measurements
from nonlin.inspection.recording import RecordedCall, Recording
from nonlin.inspection.result import Finding, Kind
from nonlin.results import number

__all__ = ["PRESETS", "Preset", "preset_findings", "preset_of"]

Rule = Callable[[Recording, Measurements], Iterator[Finding]]

_RECTIFIERS = ("relu", "relu6", "relun")

INACTIVE = 0.01
LAYER = 0.5
TINY_GRADIENT = 1e-7
VARIANCE_RATIO = 10.0
ZERO_GRADIENTS = 0.7
VANISHING_RATIO = 1e-3
VANISHING_FIRST = 1e-4
EXPLODING_RATIO = 70.0
LARGE_OUTPUT = 10.0
TINY_SHARE = 0.95
NEAR_ZERO = 0.9
"""fastai shows the share and judges nothing: this threshold is nonlin's."""


def preset_findings(
    preset: "Preset", recording: Recording, measurements: Measurements
) -> tuple[Finding, ...]:
    """Return what a tool's rules find.

    Args:
        preset: the rules.
        recording: made while small values were counted.
        measurements: the gradients of the weights, where the rules want them.
    """
    return tuple(finding for rule in preset.rules for finding in rule(recording, measurements))


def preset_of(name: str) -> "Preset":
    """Return a tool's rules.

    Raises:
        InvalidInputError: for a name that is none of `PRESETS`.
    """
    if name not in PRESETS:
        raise InvalidInputError(
            f"expected thresholds as nonlin.Thresholds or one of {', '.join(PRESETS)}, got {name!r}; use one"
        )
    return PRESETS[name]


def _finding(
    kind: Kind,
    where: str,
    message: str,
    against: tuple[float, float],
    *,
    samples: int,
    units: tuple[int, ...] = (),
) -> Finding:
    return Finding(
        kind=kind,
        severity="warning",
        call=where,
        units=units,
        figure=against[0],
        threshold=against[1],
        samples=samples,
        message=f"{where}: {message}",
        advice=_ADVICE,
    )


_ADVICE = "see what nonlin's own thresholds find, and nonlin cure"


def _dead_by_activity(recording: Recording, _: Measurements) -> Iterator[Finding]:
    """SageMaker's DeadRelu: ReLUs that are active less than 1 % of the time, over half of a layer's."""
    for call in recording.calls:
        if call.site.function.name not in _RECTIFIERS:
            continue
        s = call.statistics
        idle = np.flatnonzero(1 - (s.zeros - s.lost) / s.values < INACTIVE)
        if len(idle) / s.units > LAYER:
            yield _units("active on under 1 % of the values", call, idle, against=LAYER)


def _dead_by_size(recording: Recording, _: Measurements) -> Iterator[Finding]:
    """TheDeepChecker's: the 95th percentile of abs(a) is under 1e-5, for over half of a layer's units."""
    for call in recording.calls:
        s = call.statistics
        tiny = np.flatnonzero(s.tiny - s.lost >= np.ceil(TINY_SHARE * s.values))
        if len(tiny) / s.units > LAYER:
            yield _units("with a 95th percentile of their size under 1e-5", call, tiny, against=LAYER)


def _units(
    what: str, call: RecordedCall, units: "np.ndarray[tuple[int], np.dtype[np.intp]]", *, against: float
) -> Finding:
    share = len(units) / call.statistics.units
    return _finding(
        "dead",
        call.site.name,
        f"{len(units)} of {call.statistics.units} units ({share:.0%}) are {what}",
        (share, against),
        samples=call.statistics.samples,
        units=tuple(units.tolist()),
    )


def _near_zero(recording: Recording, _: Measurements) -> Iterator[Finding]:
    """The share that fastai's ActivationStats shows: outputs of the layer of at most 0.05, negative ones included."""
    for call in recording.calls:
        s = call.statistics
        if call.site.layer is None:
            continue
        share = float((s.near_zero - s.lost).sum() / (s.values * s.units))
        if share > NEAR_ZERO:
            message = f"{share:.1%} of what {call.site.layer} puts out is at most 0.05"
            yield _finding("dead", call.site.name, message, (share, NEAR_ZERO), samples=s.samples)


def _dead_by_gradient(recording: Recording, measurements: Measurements) -> Iterator[Finding]:
    """AutoTrainer's dying ReLU: at least 70 % of the entries of the weights' gradients are exactly 0."""
    entries = sum(g.entries for g in measurements.gradients)
    share = sum(g.zeros for g in measurements.gradients) / max(entries, 1)
    rectified = any(call.site.function.name in _RECTIFIERS for call in recording.calls)
    if rectified and share >= ZERO_GRADIENTS:
        message = f"{share:.1%} of the entries of the weights' gradients are exactly 0"
        yield _finding("dead", "the network", message, (share, ZERO_GRADIENTS), samples=recording.samples)


def _gradient_ratio(recording: Recording, measurements: Measurements) -> Iterator[Finding]:
    """AutoTrainer's vanishing and exploding gradients: the first layer's norm over the last one's."""
    if len(measurements.gradients) < 2:
        return
    first, last = measurements.gradients[0], measurements.gradients[-1]
    ratio = first.norm / last.norm if last.norm else float("inf") if first.norm else 1.0
    if ratio < VANISHING_RATIO and first.norm < VANISHING_FIRST:
        message = f"the norm of the gradient of its weights is {number(ratio, 2)} of that at {last.layer}"
        yield _finding("vanishing", first.layer, message, (ratio, VANISHING_RATIO), samples=recording.samples)
    if ratio > EXPLODING_RATIO:
        message = f"the norm of the gradient of its weights is {number(ratio, 2)} times that at {last.layer}"
        yield _finding("exploding", first.layer, message, (ratio, EXPLODING_RATIO), samples=recording.samples)


def _large_outputs(recording: Recording, _: Measurements) -> Iterator[Finding]:
    """AutoTrainer's exploding activations: mean abs(a) of at least 10."""
    for call in recording.calls:
        s = call.statistics
        size = float(s.absolute.sum() / max(int(s.finite.sum()), 1))
        if size >= LARGE_OUTPUT:
            message = f"the outputs have a mean size of {number(size)}"
            yield _finding("exploding", call.site.name, message, (size, LARGE_OUTPUT), samples=s.samples)


def _tiny_gradients(recording: Recording, measurements: Measurements) -> Iterator[Finding]:
    """SageMaker's VanishingGradient: mean abs(g) of a layer's weights under 1e-7."""
    for g in measurements.gradients:
        if g.mean_size < TINY_GRADIENT:
            message = f"the gradient of its weights has a mean size of {number(g.mean_size, 2)}"
            yield _finding(
                "vanishing", g.layer, message, (g.mean_size, TINY_GRADIENT), samples=recording.samples
            )


def _poor_start(recording: Recording, measurements: Measurements) -> Iterator[Finding]:
    """SageMaker's PoorWeightInitialization: the largest variance of a layer's weights is over 10 times the smallest."""
    spreads = {g.layer: g.weight_variance for g in measurements.gradients}
    if len(spreads) < 2:
        return
    low, high = min(spreads, key=lambda k: spreads[k]), max(spreads, key=lambda k: spreads[k])
    ratio = spreads[high] / spreads[low] if spreads[low] else float("inf")
    if ratio > VARIANCE_RATIO:
        message = f"its weights have {number(ratio)} times the variance of those of {low}"
        yield _finding("exploding", high, message, (ratio, VARIANCE_RATIO), samples=recording.samples)


def _nonfinite(recording: Recording, _: Measurements) -> Iterator[Finding]:
    """SageMaker's ExplodingTensor: a NaN or infinite value."""
    for call in recording.calls:
        count = call.statistics.nonfinite
        if count:
            message = f"{count} values are NaN or infinite"
            yield _finding("nonfinite", call.site.name, message, (count, 1), samples=call.statistics.samples)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A tool's rules, and whether they want the gradients of the weights."""

    rules: tuple[Rule, ...]
    gradients: bool = False


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "sagemaker": Preset(
            rules=(_dead_by_activity, _tiny_gradients, _poor_start, _nonfinite), gradients=True
        ),
        "autotrainer": Preset(rules=(_dead_by_gradient, _gradient_ratio, _large_outputs), gradients=True),
        "thedeepchecker": Preset(rules=(_dead_by_size,)),
        "fastai": Preset(rules=(_near_zero,)),
    }
)
"""By the names that `thresholds` takes."""
