"""The causes of a finding in the order of their likelihood, from measurements that tell them apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import log10
from typing import Any

import numpy.typing as npt

from nonlin.inspection.curing.change import Cause, Change, Likelihood
from nonlin.inspection.curing.code import code_of
from nonlin.inspection.curing.layer_weights import LayerWeights
from nonlin.inspection.curing.scales import InputScale, Scales, effective_rank, scales
from nonlin.inspection.recording import RecordedCall, Recording
from nonlin.inspection.result import Finding

__all__ = ["BIAS_LIMIT", "EXCHANGES", "SCALE_LIMIT", "with_causes"]

SCALE_LIMIT = 4.0
"""How far a scale may be from 1. PyTorch's default initialisation is within 3 for every function of the catalogue."""

Array = npt.NDArray[Any]

BIAS_LIMIT = 3.0
"""From how many standard deviations on an offset decides a unit's state: beyond 3, 99.9 % of the values are on one
side."""

EXCHANGES = {
    "relu": ("leaky_relu", "elu", "gelu"),
    "sigmoid": ("tanh", "leaky_relu"),
    "tanh": ("softsign", "leaky_relu"),
    "leaky_relu": ("gelu", "elu"),
    "prelu": ("gelu", "elu"),
}
"""What to try instead of a function, the likeliest first."""

_OTHERS = ("leaky_relu", "elu")
_TOO_LARGE = ("saturated", "nonfinite", "massive")
_TOO_SMALL = ("linear", "dormant")
_BENT_BY_SCALE = ("sigmoid", "tanh", "softsign", "hardtanh", "arctan", "erf")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """A finding with everything that is known of its call."""

    finding: Finding
    recorded: RecordedCall
    figures: Scales | None
    input: InputScale | None
    first: bool
    torch: bool
    decades: tuple[float, ...] = ()
    weight: Array | None = None


def with_causes(
    found: Sequence[Finding],
    recording: Recording,
    weights: Mapping[str, LayerWeights],
    input_scale: InputScale | None,
    *,
    torch: bool,
) -> tuple[Finding, ...]:
    """Return the findings with their causes.

    Args:
        found: the findings.
        recording: on which they rest.
        weights: the layer that shapes each call's pre-activation, by the call's name.
        input_scale: of the network's input, None where it has no scale.
        torch: whether code for PyTorch is wanted.
    """
    calls = {call.site.name: call for call in recording.calls}
    return tuple(
        replace(finding, causes=_causes(finding, calls, weights, (input_scale, torch))) for finding in found
    )


def _causes(
    finding: Finding,
    calls: Mapping[str, RecordedCall],
    weights: Mapping[str, LayerWeights],
    about: tuple[InputScale | None, bool],
) -> tuple[Cause, ...]:
    input_scale, torch = about
    if finding.kind == "collapse":
        return _of_architecture(finding, torch=torch)
    name = finding.call
    if finding.kind == "nonfinite":
        name = next((n for n, call in calls.items() if call.statistics.nonfinite), name)
    elif finding.kind in ("vanishing", "exploding"):
        name = _first_off(calls, weights, name)
    if name not in calls:
        return ()
    recorded = calls[name]
    known = weights.get(name)
    figures = (
        None if known is None else scales(recorded, known, finding.units if name == finding.call else ())
    )
    case = _Case(
        finding=finding,
        recorded=recorded,
        figures=figures,
        input=input_scale,
        first=next(iter(calls)) == name,
        torch=torch,
        decades=tuple(_logarithms(calls, weights).values()),
        weight=None if known is None else known.weight,
    )
    ranked = [make(case) for make in (_input, _learning_rate, _initialisation, _function)]
    return tuple(cause for _, cause in sorted(ranked, key=lambda pair: -pair[0]))


def _first_off(calls: Mapping[str, RecordedCall], weights: Mapping[str, LayerWeights], name: str) -> str:
    """Return the first call whose weights are out of their range, else the one that is named."""
    for key, logarithm in _logarithms(calls, weights).items():
        if abs(logarithm) > log10(SCALE_LIMIT):
            return key
    return name


def _logarithms(calls: Mapping[str, RecordedCall], weights: Mapping[str, LayerWeights]) -> dict[str, float]:
    """Return the decades by which the weights at each call are off their gain."""
    found = {key: scales(call, weights[key], ()) for key, call in calls.items() if key in weights}
    return {key: log10(max(figures.weight, 1e-300)) for key, figures in found.items() if figures is not None}


Scored = tuple[float, Cause]


def _input(case: _Case) -> Scored:
    change = Change(kind="standardise")
    if case.figures is None or case.finding.kind == "nonfinite":
        mean, std = (case.input.mean, case.input.std) if case.input else (0.0, 1.0)
        off = _excess(std, case) if case.input else 1.0
        shifted = abs(mean) / max(std, 1e-30)
        figure, evidence = (
            max(off, shifted),
            f"the network's input has mean {mean:.3g}, standard deviation {std:.3g}",
        )
        limit = SCALE_LIMIT
    elif abs(case.figures.offset) / BIAS_LIMIT >= _excess(case.figures.incoming, case) / SCALE_LIMIT:
        figure, limit = abs(case.figures.offset), BIAS_LIMIT
        evidence = (
            f"what comes into the layer moves the pre-activations by {case.figures.offset:.2g} of their standard "
            "deviations"
        )
    else:
        figure, limit = _excess(case.figures.incoming, case), SCALE_LIMIT
        evidence = f"what comes into the layer has size {case.figures.incoming:.2g}, where about 1 is meant"
    if case.input is not None and case.first:
        evidence += (
            f"; the network's input has mean {case.input.mean:.3g}, standard deviation {case.input.std:.3g}"
        )
    proposals = [change] if case.first else []
    proposals += _at(case, "normalise")
    return _cause("input scale", (figure, limit), evidence, proposals, case)


def _learning_rate(case: _Case) -> Scored:
    kind = case.finding.kind
    proposals = [*_at(case, "revive"), *_at(case, "reinitialise")] if kind == "dead" else _at(case, "shift")
    if case.figures is None or kind == "nonfinite":
        return _undecided("learning rate", proposals, case)
    bias = case.figures.bias
    evidence = (
        f"the biases are at {bias:.2g} standard deviations of the pre-activations, where initial ones are within "
        "about 1: large steps push them so"
    )
    return _cause("learning rate", (abs(bias), BIAS_LIMIT), evidence, proposals, case)


def _initialisation(case: _Case) -> Scored:
    kind = case.finding.kind
    if kind in ("vanishing", "exploding"):
        return _through_depth(case)
    if kind == "low-rank" and case.weight is not None:
        return _rank(case, case.weight)
    proposals = _at(case, "reinitialise") if kind in ("nonfinite", "dead") else _at(case, "rescale")
    if case.figures is None:
        return _undecided("initialisation", proposals, case)
    weight = case.figures.weight
    evidence = (
        f"the weights at {case.recorded.site.name} have {weight:.2g} times the norm that the gain gives"
    )
    return _cause("initialisation", (_excess(weight, case), SCALE_LIMIT), evidence, proposals, case)


def _through_depth(case: _Case) -> Scored:
    """Judge the weights by what they do together: a product over the layers, and the layer that is furthest off."""
    everywhere = Change(kind="initialise")
    if not case.decades:
        return _undecided("initialisation", [], case)
    together, worst = sum(case.decades), max(case.decades, key=abs)
    if abs(together) > abs(worst):
        proposals = [everywhere, *_at(case, "balance")]
        count = len(case.decades)
        evidence = f"the weights of {count} layers are together 10^{together:.1f} times what their gains give"
    else:
        proposals = [*_at(case, "balance"), everywhere]
        evidence = f"the weights of one layer have 10^{worst:.1f} times the norm of its gain"
    return _cause(
        "initialisation", (10 ** max(abs(together), abs(worst)), SCALE_LIMIT), evidence, proposals, case
    )


def _rank(case: _Case, weight: Array) -> Scored:
    rank, full = effective_rank(weight), min(weight.shape)
    evidence = f"the weights at {case.recorded.site.name} have an effective rank of {rank:.1f} of {full}"
    return _cause(
        "initialisation", (full / max(rank, 1e-9), SCALE_LIMIT), evidence, _at(case, "reinitialise"), case
    )


def _function(case: _Case) -> Scored:
    name = case.recorded.site.function.name
    others = [] if case.recorded.site.function.vector else EXCHANGES.get(name, _OTHERS)
    proposals = [replace(change, function=other) for other in others for change in _at(case, "exchange")]
    evidence = f"what is left where no scale is out of its range: {name} itself"
    return 0.0, _made("function", "possible", (None, None), evidence, (tuple(proposals), case))


def _excess(scale: float, case: _Case) -> float:
    """Return how far a scale is from 1 in the direction that can cause the finding.

    Weights that are large where their input is small are no fault: it counts no further than the pre-activations'
    own scale is off. Those decide what a function does; a gradient's size is decided by the weights alone.
    """
    found = _off(scale, case)
    whole = case.finding.kind in ("vanishing", "exploding", "nonfinite") or case.figures is None
    return found if whole or case.figures is None else min(found, _off(case.figures.spread, case))


def _off(scale: float, case: _Case) -> float:
    scale = max(scale, 1e-300)
    kind = case.finding.kind
    if kind in _TOO_LARGE:
        return scale
    if kind in _TOO_SMALL:
        bent = case.recorded.site.function.name in _BENT_BY_SCALE
        return 1 / scale if bent or kind == "dormant" else 1.0
    return max(scale, 1 / scale)


def _at(case: _Case, kind: str) -> list[Change]:
    site = case.recorded.site
    units = (
        case.finding.units if case.finding.call == site.name and kind in ("revive", "reinitialise") else ()
    )
    if len(units) == case.recorded.statistics.units:
        units = ()
    if kind == "revive" and not units:
        kind = "shift"
    return [
        Change(kind=kind, call=site.name, layer=site.layer, units=units, unit_axis=site.unit_axis)  # type: ignore[arg-type]  # the words of this module
    ]


def _cause(
    name: str, against: tuple[float, float], evidence: str, proposals: Sequence[Change], case: _Case
) -> Scored:
    figure, limit = against
    score = log10(max(figure, 1e-300) / limit)
    likelihood: Likelihood = "likely" if score >= 0 else "unlikely"
    return score, _made(name, likelihood, against, evidence, (tuple(proposals), case))


def _undecided(name: str, proposals: Sequence[Change], case: _Case) -> Scored:
    evidence = "no layer whose weights could be looked at stands before the call"
    if case.figures is not None:
        evidence = "with values that are not finite, the biases cannot be told from the rest"
    return -0.01, _made(name, "possible", (None, None), evidence, (tuple(proposals), case))


def _made(
    name: str,
    likelihood: Likelihood,
    against: tuple[float | None, float | None],
    evidence: str,
    about: tuple[tuple[Change, ...], _Case],
) -> Cause:
    proposals, case = about
    return Cause(
        name=name,
        likelihood=likelihood,
        figure=against[0],
        limit=against[1],
        evidence=evidence,
        change=proposals[0].words if proposals else "nothing that could be changed here",
        code=code_of(proposals[0], torch=case.torch) if proposals else "",
        proposals=proposals,
    )


def _of_architecture(finding: Finding, *, torch: bool) -> tuple[Cause, ...]:
    layers = tuple(finding.call.split(" → "))
    merge = Change(kind="merge", layers=layers)
    insert = Change(kind="insert", layers=layers, function="relu")
    cause = Cause(
        name="architecture",
        likelihood="likely",
        figure=finding.figure,
        limit=finding.threshold,
        evidence=f"nothing that bends stands between {' and '.join(layers)}",
        change=merge.words,
        code=code_of(merge, torch=torch),
        proposals=(merge, insert),
    )
    return (cause,)
