"""The causes of a finding in the order of their likelihood, from measurements that tell them apart."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from math import log10

from nonlin.inspection.curing.case import SCALE_LIMIT, Case
from nonlin.inspection.curing.change import Cause, Change
from nonlin.inspection.curing.code import Target, code_of
from nonlin.inspection.curing.layer_weights import LayerWeights
from nonlin.inspection.curing.scales import InputScale, scales
from nonlin.inspection.curing.weighing import (
    weigh_function,
    weigh_initialisation,
    weigh_input,
    weigh_steps,
)
from nonlin.inspection.recording import RecordedCall, Recording
from nonlin.inspection.result import Finding

__all__ = ["with_causes"]


def with_causes(
    found: Sequence[Finding],
    recording: Recording,
    weights: Mapping[str, LayerWeights],
    input_scale: InputScale | None,
    *,
    target: Target,
) -> tuple[Finding, ...]:
    """Return the findings with their causes.

    Args:
        found: the findings.
        recording: on which they rest.
        weights: the layer that shapes each call's pre-activation, by the call's name.
        input_scale: of the network's input, None where it has no scale.
        target: what code is for; the layers of it are those in `weights`.
    """
    calls = {call.site.name: call for call in recording.calls}
    decades = _decades(calls, weights)
    reached = [weights[key] for key in decades if weights[key].unit_axis is not None]
    target = replace(target, layers=tuple(dict.fromkeys(layer.name for layer in reached)))
    products = {" → ".join(chain.layers) for chain in recording.chains if chain.product}
    return tuple(
        replace(
            finding, causes=_causes(finding, calls, weights, decades, about=(input_scale, target, products))
        )
        for finding in found
    )


def _causes(
    finding: Finding,
    calls: Mapping[str, RecordedCall],
    weights: Mapping[str, LayerWeights],
    decades: Mapping[str, float],
    *,
    about: tuple[InputScale | None, Target, Container[str]],
) -> tuple[Cause, ...]:
    input_scale, target, products = about
    if finding.kind == "collapse":
        return _of_architecture(finding, target, products)
    name = _looked_at(finding, calls, decades)
    if name not in calls:
        return ()
    recorded, known = calls[name], weights.get(name)
    units = finding.units if name == finding.call else ()
    earlier = list(calls)[: list(calls).index(name)]
    case = Case(
        finding=finding,
        recorded=recorded,
        figures=None if known is None else scales(recorded, known, units),
        input=input_scale,
        target=target,
        before=tuple(decades[key] for key in earlier if key in decades),
        decades=tuple(decades.values()),
        layer=recorded.site.layer if known is None else known.name,
        weight=None if known is None else known.weight,
        unit_axis=None if known is None else known.unit_axis,
        first=not earlier,
        alike=tuple(key for key, call in calls.items() if call.site.function == recorded.site.function),
    )
    ranked = [weigh(case) for weigh in (weigh_input, weigh_steps, weigh_initialisation, weigh_function)]
    return tuple(cause for _, cause in sorted(ranked, key=lambda pair: -pair[0]))


def _looked_at(finding: Finding, calls: Mapping[str, RecordedCall], decades: Mapping[str, float]) -> str:
    """Return the call that the causes are looked for at: where values first go wrong, or weights are first off."""
    name = finding.call
    if finding.kind == "nonfinite":
        return next((key for key, call in calls.items() if call.statistics.nonfinite), name)
    if finding.kind in ("vanishing", "exploding"):
        return next((key for key, decade in decades.items() if abs(decade) > log10(SCALE_LIMIT)), name)
    return name


def _decades(calls: Mapping[str, RecordedCall], weights: Mapping[str, LayerWeights]) -> dict[str, float]:
    """Return by how many decades the weights at each call are off their gain."""
    found = {key: scales(call, weights[key], ()) for key, call in calls.items() if key in weights}
    return {key: log10(max(figures.weight, 1e-300)) for key, figures in found.items() if figures is not None}


def _of_architecture(finding: Finding, target: Target, products: Container[str]) -> tuple[Cause, ...]:
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
        code=code_of(merge, target) if target.file or finding.call in products else "",
        proposals=(merge, insert),
    )
    return (cause,)
