"""Numbers and verdicts in words, the same in every form of a report."""

import math
from collections.abc import Sequence

from nonlin.inspection import Call, Finding, Inspection
from nonlin.results import number

__all__ = ["count_of", "counted", "figure_of", "headline", "share"]

_SHARES = ("dead", "saturated", "linear", "dormant")

_MEASURES = {
    "dead": "share of units",
    "saturated": "share of units",
    "linear": "share of live units",
    "dormant": "mean size / the layer's",
    "collapse": "parameters saved",
    "vanishing": "gradient / the last call's",
    "exploding": "size",
    "nonfinite": "values",
    "uncentred": "mean / standard deviation",
    "massive": "largest output",
    "low-rank": "effective rank",
}


def share(x: float) -> str:
    """Return a share in percent, near 0 and 1 with more digits, so that neither is claimed where it is not so.

    >>> share(0.484), share(0.062), share(0.05), share(0.0056), share(1.0), share(0.9999), share(float("nan"))
    ('48%', '6.2%', '5%', '0.56%', '100%', '99.99%', '–')
    """
    if math.isnan(x):
        return "–"
    edge = min(abs(x), abs(1 - x))
    if 0 < edge < 1e-6:
        return "<0.0001%" if x < 0.5 else ">99.9999%" if x < 1 else "100%"
    whole = 0.1 if x < 0.5 else 0.01
    digits = 0 if edge >= whole or not edge else 1 if edge >= whole / 10 else 2 if edge >= 1e-4 else 4
    text = f"{100 * x:.{digits}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) + "%"


def count_of(count: int | None, units: int) -> str:
    """Return a number of units with its share, "–" where there is none to count."""
    if count is None:
        return "–"
    return f"{count:,} ({share(count / units)})" if count else "0"


def figure_of(finding: Finding) -> str:
    """Return what a finding rests on, in words: what was measured, its figure, the threshold, the sample size."""
    form = share if finding.kind in _SHARES else number
    return (
        f"{_MEASURES[finding.kind]} {form(finding.figure)}, threshold {form(finding.threshold)}, "
        f"{counted('sample', finding.samples)}"
    )


def headline(inspection: Inspection) -> str:
    """Return the verdict in one sentence."""
    on = f"on these {inspection.samples:,} samples"
    wrong = inspection.at_or_above("warning")
    calls = inspection.calls
    if not calls and inspection.unseen:
        return f"Not judged: no activation of this network was measured{_and(_collapsed(wrong))}."
    if not calls:
        return f"This network has no activation: {_collapsed(wrong) or 'there is nothing to judge'}."
    if not wrong:
        notes = len(inspection.findings)
        more = f"; {notes} {_plural('note', notes)} below" if notes else ""
        are = (
            "the one call of an activation is"
            if len(calls) == 1
            else f"its {len(calls)} calls of activations are"
        )
        return f"Healthy {on}: {are} without a fault{more}."
    return f"Not healthy {on}: {'; '.join(_faults(wrong, calls))}."


def _and(words: str) -> str:
    return f"; {words}" if words else ""


def _faults(wrong: Sequence[Finding], calls: Sequence[Call]) -> list[str]:
    kinds = list(dict.fromkeys(finding.kind for finding in wrong))
    parts = []
    for kind in kinds:
        mine = [finding for finding in wrong if finding.kind == kind]
        names = {finding.call for finding in mine}
        parts.append(_fault(kind, mine, [call for call in calls if call.name in names]))
    return [part for part in parts if part]


def _fault(kind: str, mine: Sequence[Finding], calls: Sequence[Call]) -> str:
    if kind in ("dead", "saturated"):
        count = sum(len(finding.units) for finding in mine)
        all_units = sum(call.units for call in calls)
        return f"{count:,} of {all_units:,} units {_in(calls)} {'is' if count == 1 else 'are'} {kind}"
    if kind == "linear":
        return f"{len(mine)} {_plural('call', len(mine))} {'acts' if len(mine) == 1 else 'act'} linearly"
    if kind == "collapse":
        return _collapsed(mine)
    first = mine[0].call
    return {
        "vanishing": f"the gradient has vanished at {first}",
        "exploding": f"{first} explodes",
        "nonfinite": f"{first} has NaN or infinite values",
        "low-rank": f"the units of {first} follow one or two directions",
    }.get(kind, f"{first} is {kind}")


def _in(calls: Sequence[Call]) -> str:
    return f"in {calls[0].name}" if len(calls) == 1 else f"in {len(calls)} calls"


def _collapsed(findings: Sequence[Finding]) -> str:
    count = sum(finding.kind == "collapse" for finding in findings)
    if not count:
        return ""
    runs = "one run of affine layers has" if count == 1 else f"{count} runs of affine layers have"
    return f"{runs} no non-linearity between and could be one layer{'' if count == 1 else ' each'}"


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"


def counted(word: str, count: int) -> str:
    """Return how many there are of what a word names: "1 sample", "2,000 samples"."""
    return f"{count:,} {_plural(word, count)}"
