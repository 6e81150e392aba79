"""Weighs each cause that a finding may have: by how many decades the figure that tells it apart is out of its range.

What one thing explains is not counted again for another: an input that is small since the weights before it are small
speaks for those weights, and biases that are large only beside such an input speak for nothing.
"""

from dataclasses import replace
from math import log10, prod
from typing import Any

import numpy.typing as npt

from nonlin.inspection.curing.case import (
    BIAS_LIMIT,
    SCALE_LIMIT,
    Case,
    Scored,
    changes_at,
    decided,
    excess,
    made,
    undecided,
)
from nonlin.inspection.curing.change import Change
from nonlin.inspection.curing.scales import InputScale, Scales, effective_rank
from nonlin.results import number

__all__ = ["EXCHANGES", "weigh_function", "weigh_initialisation", "weigh_input", "weigh_steps"]

EXCHANGES = {
    "relu": ("leaky_relu", "elu", "gelu"),
    "sigmoid": ("tanh", "leaky_relu"),
    "tanh": ("softsign", "leaky_relu"),
    "leaky_relu": ("gelu", "elu"),
    "prelu": ("gelu", "elu"),
}
"""What to try instead of a function, the likeliest first."""

_OTHERS = ("leaky_relu", "elu")

_NOTHING = 1e-6
"""Under this size an input, or weights, are next to nothing: what varies is at the end of what float32 holds."""

_JUST = 1.02
"""By how much something counts as out of its range that can be seen but not weighed."""


def weigh_input(case: Case) -> Scored:
    """Weigh what comes into the layer: its size, and where it lies."""
    proposals = [Change(kind="standardise")] if case.first and case.input is not None else []
    proposals += changes_at(case, "normalise")
    if case.figures is None or case.finding.kind == "nonfinite":
        return decided("input scale", *_of_network(case), proposals, case)
    figures = case.figures
    meant = _unexplained(figures.incoming, case)
    if _silenced(figures.incoming, case):
        evidence = (
            "next to nothing that varies comes into the layer: see the calls before, the cause is there"
        )
        return decided("input scale", (SCALE_LIMIT * _JUST, SCALE_LIMIT), evidence, proposals, case)
    size, (offset, deviations) = excess(meant, case), _in_deviations(figures.offset, case, figures)
    if abs(offset) / BIAS_LIMIT >= size / SCALE_LIMIT:
        against = abs(offset), BIAS_LIMIT
        evidence = f"what comes into the layer moves the mean by {number(offset, 2)} standard deviations {deviations}"
    else:
        against = size, SCALE_LIMIT
        evidence = f"what comes into the layer has size {number(figures.incoming, 2)}, where about 1 is meant"
    if case.input is not None and case.first:
        evidence += f"; {_moments(case.input)}"
    return decided("input scale", against, evidence, proposals, case)


def _of_network(case: Case) -> tuple[tuple[float, float], str]:
    """Return the figure, its limit and the evidence of the network's own input."""
    if case.input is None:
        return (1.0, SCALE_LIMIT), "the network's input has no scale"
    mean, std = case.input.mean, case.input.std
    figure = max(excess(std, case), abs(mean) / max(std, 1e-30))
    return (figure, SCALE_LIMIT), _moments(case.input)


def _moments(scale: InputScale) -> str:
    return f"the network's input has mean {number(scale.mean)}, standard deviation {number(scale.std)}"


def _explained(incoming: float, case: Case) -> float:
    """Return by which factor the weights before explain that an input is not of size 1: at least 1, at most all."""
    off = -log10(max(incoming, 1e-300))
    weights = -sum(case.before)
    return float(10 ** min(max(weights if off > 0 else -weights, 0.0), abs(off)))


def _unexplained(incoming: float, case: Case) -> float:
    """Return the size that an input would have, were the weights before it those that their gains give."""
    factor = _explained(incoming, case)
    return incoming * factor if incoming < 1 else incoming / factor


def _silenced(incoming: float, case: Case) -> bool:
    """Whether the calls before let nothing through, for which their weights alone are no reason."""
    return not case.first and _unexplained(incoming, case) < _NOTHING


def weigh_steps(case: Case) -> Scored:
    """Weigh biases that steps of training have pushed away."""
    kind = case.finding.kind
    proposals = (
        [*changes_at(case, "revive"), *changes_at(case, "reinitialise")]
        if kind == "dead"
        else changes_at(case, "shift")
    )
    if case.figures is None or kind == "nonfinite":
        return undecided("learning rate", proposals, case)
    bias, deviations = _in_deviations(case.figures.bias, case, case.figures)
    evidence = (
        f"the biases are at {number(bias, 2)} standard deviations {deviations}, where initial ones are within about 1: "
        "large steps push them so"
    )
    return decided("learning rate", (abs(bias), BIAS_LIMIT), evidence, proposals, case)


def _in_deviations(figure: float, case: Case, figures: Scales) -> tuple[float, str]:
    """Return a shift in standard deviations: in those that were meant, where weights are why there is hardly any."""
    incoming = figures.incoming
    if not _silenced(incoming, case):
        incoming = 1 / _explained(incoming, case) if incoming < 1 else 1.0
    small = prod(scale for scale in (incoming, figures.weight) if scale * SCALE_LIMIT < 1)
    if small == 1:
        return figure, "of the pre-activations"
    return figure * small, "that inputs and weights of size 1 would give"


def weigh_initialisation(case: Case) -> Scored:
    """Weigh the weights: their norm over what the gain gives, alone or together with those before them."""
    kind = case.finding.kind
    if case.of_gradients:
        return _through_depth(case)
    if kind == "low-rank" and case.weight is not None:
        return _rank(case, case.weight)
    proposals = changes_at(case, "rescale")
    if kind in ("nonfinite", "dead") or (case.figures is not None and case.figures.weight < _NOTHING):
        proposals = changes_at(case, "reinitialise")
    if case.figures is None:
        return undecided("initialisation", proposals, case)
    weight, where = case.figures.weight, case.recorded.site.name
    incoming = case.figures.incoming
    alone = kind == "nonfinite" or _silenced(incoming, case)
    passed = 1.0 if alone else _explained(incoming, case)
    own, together = excess(weight, case), excess(weight / passed if incoming < 1 else weight * passed, case)
    if together > max(own, SCALE_LIMIT):
        times = number(10 ** (sum(case.before) + log10(max(weight, 1e-300))), 2)
        evidence = (
            f"the weights of {len(case.before) + 1} layers, up to the one at {where}, are together {times} times what "
            "their gains give"
        )
        proposals = [Change(kind="initialise"), *proposals]
    elif weight < _NOTHING:
        evidence = f"the weights at {where} are 0, or next to nothing"
    else:
        evidence = f"the weights at {where} have {number(weight, 2)} times the norm that the gain gives"
        evidence += ": drawn so, or pushed there by large steps" if weight >= SCALE_LIMIT else ""
    return decided("initialisation", (max(own, together), SCALE_LIMIT), evidence, proposals, case)


def _through_depth(case: Case) -> Scored:
    """Judge the weights by what they do together: a product over the layers, and the layer that is furthest off."""
    everywhere = Change(kind="initialise")
    if not case.decades:
        return undecided("initialisation", [], case)
    together, worst = sum(case.decades), max(case.decades, key=abs)
    if abs(together) > abs(worst):
        proposals = [everywhere, *changes_at(case, "balance")]
        count = len(case.decades)
        evidence = f"the weights of {count} layers are together {number(10**together, 2)} times what their gains give"
    else:
        proposals = [*changes_at(case, "balance"), everywhere]
        evidence = f"the weights of one layer have {number(10**worst, 2)} times the norm of its gain"
    figure = 10 ** max(abs(together), abs(worst))
    return decided("initialisation", (figure, SCALE_LIMIT), evidence, proposals, case)


def _rank(case: Case, weight: npt.NDArray[Any]) -> Scored:
    rank, full = effective_rank(weight), min(weight.shape)
    evidence = f"the weights at {case.recorded.site.name} have an effective rank of {rank:.1f} of {full}"
    against = full / max(rank, 1e-9), SCALE_LIMIT
    return decided("initialisation", against, evidence, changes_at(case, "reinitialise"), case)


def weigh_function(case: Case) -> Scored:
    """Name the function itself, which has no figure: it is left where no other cause is out of its range."""
    function = case.recorded.site.function
    others = () if function.vector else EXCHANGES.get(function.name, _OTHERS)
    proposals = [
        replace(change, function=other) for other in others for change in changes_at(case, "exchange")
    ]
    if case.of_gradients and len(case.alike) > 1:
        proposals = [*(Change(kind="replace", function=o, layers=case.alike) for o in others), *proposals]
    known = case.figures is not None
    evidence = f"{function.name} itself, since no scale is out of its range"
    if not known:
        evidence = f"what is left to change where no weights could be looked at: {function.name} itself"
    cause = made("function", "possible", (None, None), evidence, (tuple(proposals), case))
    return (0.0 if known else -0.02), cause
