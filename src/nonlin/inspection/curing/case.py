"""What is known of a finding when its causes are weighed, and what a weighed cause is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10
from typing import Any

import numpy.typing as npt

from nonlin.inspection.curing.change import Cause, Change, ChangeKind, Likelihood
from nonlin.inspection.curing.code import Target, code_of
from nonlin.inspection.curing.scales import InputScale, Scales
from nonlin.inspection.recording import RecordedCall
from nonlin.inspection.result import Finding

__all__ = [
    "BIAS_LIMIT",
    "SCALE_LIMIT",
    "Case",
    "Scored",
    "changes_at",
    "decided",
    "excess",
    "made",
    "undecided",
]

Array = npt.NDArray[Any]

Scored = tuple[float, Cause]
"""By how many decades the figure is out of its range, and the cause."""

SCALE_LIMIT = 4.0
"""How far a scale may be from 1. PyTorch's default initialisation is within 3 for every function of the catalogue."""

BIAS_LIMIT = 3.0
"""From how many standard deviations on an offset decides a unit's state: beyond 3, 99.9 % of the values are on one
side."""

_TOO_LARGE = ("saturated", "nonfinite", "massive")
_TOO_SMALL = ("linear", "dormant")
_OF_GRADIENTS = ("vanishing", "exploding")
_BENT_BY_SCALE = ("sigmoid", "tanh", "softsign", "hardtanh", "arctan", "erf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A finding with everything that is known of its call.

    Args:
        finding: which.
        recorded: the call that is looked at.
        figures: of that call, None where its weights are not known.
        input: the scale of the network's input, None where it has none.
        target: what code is for.
        before: by how many decades the weights at each earlier call are off their gain, in the order of the calls.
        decades: the same of all calls.
        layer: whose weights shape the pre-activation, the last one before the call: a normalisation behind a
            convolution; None where none is known.
        weight: of that layer, shape (units, inputs of a unit).
        unit_axis: of that layer's output, as `LayerWeights` has it.
        first: whether no call comes before.
        alike: the names of all calls of the same function.
    """

    finding: Finding
    recorded: RecordedCall
    figures: Scales | None
    input: InputScale | None
    target: Target
    before: tuple[float, ...] = ()
    decades: tuple[float, ...] = ()
    layer: str | None = None
    weight: Array | None = None
    unit_axis: int | None = None
    first: bool = True
    alike: tuple[str, ...] = ()

    @property
    def of_gradients(self) -> bool:
        """Whether it is about the size of the gradient."""
        return self.finding.kind in _OF_GRADIENTS


def excess(scale: float, case: Case) -> float:
    """Return how far a scale is from 1 in the direction that can cause the finding.

    Weights that are large where their input is small are no fault: it counts no further than the pre-activations'
    own scale is off. Those decide what a function does; a gradient's size is decided by the weights alone.
    """
    found = _off(scale, case)
    if case.of_gradients or case.finding.kind == "nonfinite" or case.figures is None:
        return found
    return min(found, _off(case.figures.spread, case))


def _off(scale: float, case: Case) -> float:
    scale = max(scale, 1e-300)
    kind = case.finding.kind
    if kind in _TOO_LARGE:
        return scale
    if kind in _TOO_SMALL:
        bent = case.recorded.site.function.name in _BENT_BY_SCALE
        return 1 / scale if bent or kind == "dormant" or _pushed(case.figures) else 1.0
    return max(scale, 1 / scale)


def _pushed(figures: Scales | None) -> bool:
    """Whether offsets decide the side that the values are on, which they do the sooner the less those vary."""
    return figures is not None and max(abs(figures.bias), abs(figures.offset)) >= BIAS_LIMIT


def changes_at(case: Case, kind: ChangeKind) -> list[Change]:
    """Return a change of the call that is looked at, of the units of the finding where some of them are concerned."""
    site = case.recorded.site
    units = (
        case.finding.units if case.finding.call == site.name and kind in ("revive", "reinitialise") else ()
    )
    if len(units) == case.recorded.statistics.units:
        units = ()
    if kind == "revive" and not units:
        kind = "shift"
    return [Change(kind=kind, call=site.name, layer=case.layer, units=units, unit_axis=case.unit_axis)]


def decided(
    name: str, against: tuple[float, float], evidence: str, proposals: Sequence[Change], case: Case
) -> Scored:
    """Return a cause with a figure; `against` is the figure and the limit from which it is out of its range."""
    figure, limit = against
    score = log10(max(figure, 1e-300) / limit)
    likelihood: Likelihood = "likely" if score >= 0 else "unlikely"
    return score, made(name, likelihood, against, evidence, (tuple(proposals), case))


def undecided(name: str, proposals: Sequence[Change], case: Case) -> Scored:
    """Return a cause without a figure."""
    evidence = "no layer whose weights could be looked at stands before the call"
    if case.figures is not None:
        evidence = "with values that are not finite, the biases cannot be told from the rest"
    return -0.01, made(name, "possible", (None, None), evidence, (tuple(proposals), case))


def made(
    name: str,
    likelihood: Likelihood,
    against: tuple[float | None, float | None],
    evidence: str,
    about: tuple[tuple[Change, ...], Case],
) -> Cause:
    """Return a cause, with the first of the proposals as its change."""
    proposals, case = about
    return Cause(
        name=name,
        likelihood=likelihood,
        figure=against[0],
        limit=against[1],
        evidence=evidence,
        change=proposals[0].words if proposals else "nothing that could be changed here",
        code=code_of(proposals[0], case.target) if proposals else "",
        proposals=proposals,
    )
