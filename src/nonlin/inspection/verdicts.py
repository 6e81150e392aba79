"""Verdicts: what was measured against the thresholds. Every one carries its figure, its threshold and its sample."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import inf, nan

import numpy as np
import numpy.typing as npt

from nonlin.inspection.advice import SURE, advice
from nonlin.inspection.narrowness import low_ranks
from nonlin.inspection.nonfinite import nonfinite_findings
from nonlin.inspection.recording import AffineChain, CallSite, RecordedCall, Recording, Role
from nonlin.inspection.result import SEVERITIES, Call, Finding, Kind, Severity
from nonlin.inspection.thresholds import DEAD_SLOPE, Thresholds
from nonlin.networks.finite import NonfiniteTensor

__all__ = ["describe", "findings", "with_verdicts"]

Indices = npt.NDArray[np.intp]
Figure = tuple[float, float]

_GATE = "_gate"
"""How the names of a recurrent layer's gates end: they are there to be open or shut, and flat ends are no fault."""

_WORDS = {
    **dict.fromkeys(("relu", "relu6"), "are always on"),
    **dict.fromkeys(("leaky_relu", "prelu", "rrelu"), "stay on one side of the kink"),
}


@np.errstate(over="ignore", invalid="ignore")  # of values next to float64's largest
def describe(recorded: RecordedCall, limits: Thresholds) -> Call:
    """Return a call's figures; the verdict is put in by `with_verdicts`."""
    s = recorded.statistics
    dead, saturated, linear = _states(recorded, limits)
    values = max(s.values * s.units, 1)
    known = s.steepest is not None
    call = Call(
        name=recorded.site.name,
        function=recorded.site.function.label,
        layer=recorded.site.layer,
        shape=recorded.shape,
        units=s.units,
        samples=s.samples,
        values=s.values,
        dead=len(dead) if known else None,
        saturated=len(saturated) if known else None,
        linear=len(linear) if known else None,
        dead_units=tuple(dead.tolist()),
        saturated_units=tuple(saturated.tolist()),
        linear_units=tuple(linear.tolist()),
        slope_mean=None if s.slope_sum is None else float(s.slope_sum.sum() / values),
        sparsity=float(s.zeros.sum() / values),
        resting=float(s.resting.sum() / values),
        mean=float(s.output.mean.mean()),
        std=_spread(s.output.mean, s.output.variance),
        input_mean=float(s.pre_activation.mean.mean()),
        input_std=_spread(s.pre_activation.mean, s.pre_activation.variance),
        largest=float(s.largest.max()),
        gradient=None if recorded.site.function.vector else recorded.gradient,
        nonfinite=s.nonfinite,
        rank=recorded.rank,
    )
    if s.nonfinite < values:
        return call
    return replace(call, sparsity=nan, resting=nan, mean=nan, std=nan, input_mean=nan, input_std=nan)


def _spread(mean: npt.NDArray[np.float64], variance: npt.NDArray[np.float64]) -> float:
    """Return the standard deviation over everything, from those of the units."""
    return float(np.sqrt(np.mean(variance) + np.var(mean)))


def _states(recorded: RecordedCall, limits: Thresholds) -> tuple[Indices, Indices, Indices]:
    """Return the indices of the dead, the saturated and the linear units; each unit is at most one of them."""
    s = recorded.statistics
    none = np.zeros(0, np.intp)
    if s.steepest is None or s.slope_low is None or s.slope_high is None:
        return none, none, none
    dead = s.steepest <= DEAD_SLOPE
    linear = ~dead & (s.slope_high - s.slope_low <= limits.constant_slope) & (s.values > 1)
    saturated = ~dead & ~linear & (s.saturated > limits.saturated_values * s.values)
    return np.flatnonzero(dead), np.flatnonzero(saturated), np.flatnonzero(linear)


@np.errstate(over="ignore", invalid="ignore")  # as above
def findings(
    recording: Recording,
    calls: Sequence[Call],
    limits: Thresholds,
    *,
    input_rank: float | None = None,
    weights: Sequence[NonfiniteTensor] = (),
) -> tuple[Finding, ...]:
    """Return everything that is at or above its threshold, the worst first.

    Args:
        recording: the measurements.
        calls: the same, described.
        limits: the thresholds.
        input_rank: the effective rank of the inputs; None where it is not known, and no call is blamed for its own.
        weights: those that are not finite.
    """
    found = list(nonfinite_findings(weights, calls, recording.nonfinite_outputs, recording.samples))
    for call, recorded in zip(calls, recording.calls, strict=True):
        found += _of_call(call, recorded, limits)
    found += [_collapse(chain, recording.samples) for chain in recording.chains]
    found += _of_gradients(recording, calls, limits)
    if input_rank is not None and input_rank >= limits.rich_rank:
        found += low_ranks(recording, calls, limits)
    return tuple(sorted(found, key=lambda f: -SEVERITIES.index(f.severity)))


def with_verdicts(calls: Sequence[Call], found: Sequence[Finding]) -> Iterator[Call]:
    """Yield the calls with the kind of their worst finding (not a note) for a verdict."""
    for call in calls:
        mine = (f.kind for f in found if f.call == call.name and f.severity != "note")
        yield replace(call, verdict=next(mine, "healthy"))


def _of_call(call: Call, recorded: RecordedCall, limits: Thresholds) -> Iterator[Finding]:
    if call.dead is not None:
        yield from _of_slopes(call, recorded.site, limits)
    yield from _of_outputs(call, recorded, limits)


def _make(
    kind: Kind, severity: Severity, call: Call, message: str, *, against: Figure, units: tuple[int, ...] = ()
) -> Finding:
    """Make a finding; `against` is its figure and the threshold."""
    return Finding(
        kind=kind,
        severity=severity,
        call=call.name,
        units=units,
        figure=against[0],
        threshold=against[1],
        samples=call.samples,
        message=message,
        advice=advice(kind, call.function),
    )


def _of_slopes(call: Call, site: CallSite, limits: Thresholds) -> Iterator[Finding]:
    if call.dead_units:
        yield _dead(call, limits, rests=site.function.rests_at_zero)
    alive = call.units - len(call.dead_units)
    share = len(call.linear_units) / max(alive, 1)
    if share >= limits.few:
        yield _linear(call, alive, limits, between=_at(call, site.role) == "hidden")
    share = len(call.saturated_units) / call.units
    if share >= limits.few:
        yield _saturated(call, site.role, limits)


def _saturated(call: Call, role: Role, limits: Thresholds) -> Finding:
    """Judge saturated units: a fault between layers; where a gate or an answer is decided, it may be what is wanted."""
    share = len(call.saturated_units) / call.units
    severe = share >= limits.saturated and _at(call, role) == "hidden"
    message = (
        f"{call.name}: {len(call.saturated_units)} of {call.units} units ({share:.0%}) are saturated: over "
        f"{limits.saturated_values:.0%} of their values let through under 1 % of the largest slope"
    )
    if role == "answer":
        message += ", as sure answers do"
    found = _make(
        "saturated",
        "warning" if severe else "note",
        call,
        message,
        against=(share, limits.saturated),
        units=call.saturated_units,
    )
    return replace(found, advice=SURE) if role == "answer" else found


def _at(call: Call, role: Role) -> Role:
    """Return the role of a call; a recorder that knows none tells a gate by its name."""
    return "gate" if role == "hidden" and call.name.endswith(_GATE) else role


def _dead(call: Call, limits: Thresholds, *, rests: bool) -> Finding:
    share = len(call.dead_units) / call.units
    severity: Severity = (
        "error" if share >= limits.dead_layer else "warning" if share >= limits.dead else "note"
    )
    what = f"{call.name}: {len(call.dead_units)} of {call.units} units ({share:.0%})"
    fires = "fires" if rests else "gets one"
    if call.samples < limits.least_samples:
        severity = "note"
        message = (
            f"{what} have no gradient on any of {call.samples} samples, too few to call them dead; give at least "
            f"{limits.least_samples}"
        )
    else:
        message = (
            f"{what} are dead: no gradient on any of {call.samples:,} samples; each {fires} on fewer than "
            f"{3 / call.samples:.2%} of such samples (95 % confidence)"
        )
    return _make("dead", severity, call, message, against=(share, limits.dead), units=call.dead_units)


def _linear(call: Call, alive: int, limits: Thresholds, *, between: bool) -> Finding:
    share = len(call.linear_units) / alive
    word = _WORDS.get(call.function.split("(")[0], "act linearly")
    message = f"{call.name}: {len(call.linear_units)} of {alive} live units ({share:.0%}) {word}, on all of "
    message += f"{call.samples:,} samples"
    whole = share >= limits.linear and call.samples >= limits.least_samples
    if whole:
        message += "; the call bends nothing"
    if whole and between:
        message += ", and the layers before and after it are one on this data"
    severity: Severity = "warning" if whole and between else "note"
    return _make("linear", severity, call, message, against=(share, limits.linear), units=call.linear_units)


def _of_outputs(call: Call, recorded: RecordedCall, limits: Thresholds) -> Iterator[Finding]:
    s = recorded.statistics
    magnitude = float(s.absolute.sum() / max(s.values * s.units, 1))
    if magnitude > limits.large_output:
        yield _make(
            "exploding", "warning", call,
            f"{call.name}: the outputs have a mean size of {magnitude:.3g}", against=(magnitude, limits.large_output),
        )  # fmt: skip
    rms = float(np.hypot(call.mean, call.std))
    largest = s.largest.astype(np.float64)  # in its own type the limit may overflow
    massive = np.flatnonzero((largest > limits.massive) & (largest > limits.massive_ratio * rms))
    if len(massive):
        yield _make(
            "massive", "note", call,
            f"{call.name}: {len(massive)} units reach outputs of up to {call.largest:.3g}, over "
            f"{limits.massive_ratio:g} times the call's root mean square",
            against=(call.largest, limits.massive), units=tuple(massive.tolist()),
        )  # fmt: skip
    if not recorded.site.function.vector:
        yield from _dormant(call, recorded, limits)
        ratio = abs(call.mean) / call.std if call.std else 0.0
        hidden = _at(call, recorded.site.role) == "hidden"
        if ratio > limits.uncentred and call.units > 1 and hidden:
            yield _make(
                "uncentred", "note", call,
                f"{call.name}: the outputs are not centred: mean {call.mean:.3g}, standard deviation {call.std:.3g}",
                against=(ratio, limits.uncentred),
            )  # fmt: skip


def _dormant(call: Call, recorded: RecordedCall, limits: Thresholds) -> Iterator[Finding]:
    """Find the units that answer, but far less than their layer (Sokar et al. 2023); dead ones are not named twice."""
    size = recorded.statistics.absolute / max(recorded.statistics.values, 1)
    if not 0 < size.mean() < inf:
        return
    score = size / size.mean()
    quiet = [i for i in np.flatnonzero(score <= limits.dormant).tolist() if i not in set(call.dead_units)]
    if len(quiet) >= limits.few * call.units:
        yield _make(
            "dormant", "note", call,
            f"{call.name}: {len(quiet)} of {call.units} units are alive but dormant: their mean size is at most "
            f"{limits.dormant:.1%} of the layer's",
            against=(float(score[quiet].max()), limits.dormant), units=tuple(quiet),
        )  # fmt: skip


def _collapse(chain: AffineChain, samples: int) -> Finding:
    names = " → ".join(chain.layers)
    less = chain.parameters - chain.merged
    message = (
        f"{names}: {len(chain.layers)} affine layers with no non-linearity between are one affine layer; "
    )
    if less > 0:
        message += f"merged, they need {chain.merged:,} parameters instead of {chain.parameters:,}"
    else:
        message += (
            f"merged, they would need {chain.merged:,} parameters, more than the {chain.parameters:,} of this "
            "factorised form, which is a choice and no fault"
        )
    return Finding(
        kind="collapse",
        severity="warning" if less > 0 else "note",
        call=names,
        units=(),
        figure=less,
        threshold=1,
        samples=samples,
        message=message,
        advice=advice("collapse", "")
        if less > 0
        else "nothing to do, unless a non-linearity was meant to stand between",
    )


def _of_gradients(recording: Recording, calls: Sequence[Call], limits: Thresholds) -> Iterator[Finding]:
    """Judge the smallest and the largest gradient relative to that at the last call that has one.

    A softmax at the end is no yardstick: a loss has a gradient there of 1 / p, which a single wrong and sure answer
    makes as large as one likes, while that of its scores stays under √2.
    """
    seen = [(call, call.gradient) for call in calls if call.gradient is not None]
    while seen and seen[-1][0].dead is None:
        seen.pop()
    if len(seen) < 2:
        return
    last = seen[-1][1]
    if not last or not np.isfinite(last):
        return
    ratios = [(call, gradient / last) for call, gradient in seen]
    low = min(ratios, key=lambda item: item[1])
    high = max(ratios, key=lambda item: item[1])
    of = recording.gradient_of
    if low[1] < limits.vanishing:
        yield _make(
            "vanishing", "error", low[0],
            f"{low[0].name}: the gradient of {of} has vanished: {low[1]:.1e} of what it is at {seen[-1][0].name}",
            against=(low[1], limits.vanishing),
        )  # fmt: skip
    if high[1] > limits.exploding:
        yield _make(
            "exploding", "error", high[0],
            f"{high[0].name}: the gradient of {of} explodes: {high[1]:.1e} times what it is at {seen[-1][0].name}",
            against=(high[1], limits.exploding),
        )  # fmt: skip
