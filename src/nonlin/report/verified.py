"""What `nonlin verify` found of a property: as text, and as a page."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context

import numpy as np
from markupsafe import Markup

from nonlin.geometry import Verdict
from nonlin.report.html import environment
from nonlin.report.wording import counted

__all__ = ["Verified", "verified_page", "verified_text"]

_LISTED = 32
"""Inputs of a counterexample that are listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A verdict, and what it is about.

    Args:
        model, prop: what they are called.
        verdict: what was found.
        trail: seconds, and the share of the inputs that was decided then.
    """

    model: str
    prop: str
    verdict: Verdict
    trail: tuple[tuple[float, float], ...] = ()


def verified_text(verdict: Verdict) -> str:
    """Return the verdict with its counterexample, a line for each number."""
    return "\n".join([str(verdict), *_counterexample(verdict), *_known(verdict)])


def verified_page(verified: Verified, pictures: Mapping[str, Markup]) -> str:
    """Return a page that needs no other file.

    Args:
        verified: what was found.
        pictures: each <svg> element with its caption.
    """
    verdict = verified.verdict
    columns = [
        "output",
        "least",
        "largest",
        *(["at the counterexample"] if verdict.outputs is not None else []),
    ]
    rows = []
    for i, (low, high) in enumerate([] if verdict.ranges is None else verdict.ranges.tolist()):
        at = [] if verdict.outputs is None else [f"{verdict.outputs[i]:.6g}"]
        rows.append([f"Y_{i}", _rounded(low, ROUND_FLOOR), _rounded(high, ROUND_CEILING), *at])
    return (
        environment()
        .get_template("question.html.jinja")
        .render(
            title=verified.model,
            kind=f"Whether any input meets the conditions of {verified.prop}",
            headline=_headline(verdict),
            heading="What the outputs can be over the property's inputs",
            columns=columns,
            rows=rows,
            sentences=[*_known(verdict), _work(verdict), *_listing(verdict)],
            pictures=pictures,
        )
    )


def _rounded(end: float, way: str) -> str:
    """Return a bound in six digits that is still one."""
    return f"{float(Context(prec=6, rounding=way).create_decimal_from_float(end)):.6g}"


def _headline(verdict: Verdict) -> str:
    said = {
        "sat": "Yes: a counterexample meets every condition",
        "unsat": "No input meets them, proven",
    }
    return said.get(verdict.status, f"Not decided: {verdict.reason}")


def _counterexample(verdict: Verdict) -> list[str]:
    if verdict.counterexample is None or verdict.outputs is None:
        return []
    inputs = verdict.counterexample.ravel().tolist()
    lines = [f"X_{i} = {x!r}" for i, x in enumerate(inputs[:_LISTED])]
    if len(inputs) > _LISTED:
        lines.append(f"… {len(inputs) - _LISTED:,} more inputs: --format json has all")
    return [*lines, *(f"Y_{i} = {y:.9g}" for i, y in enumerate(verdict.outputs.tolist()))]


def _listing(verdict: Verdict) -> list[str]:
    lines = _counterexample(verdict)
    return [f"The counterexample: {', '.join(lines)}."] if lines else []


def _known(verdict: Verdict) -> list[str]:
    low, high = verdict.margin
    if verdict.counterexample is not None:
        also = {None: "not asked", True: "agrees", False: "differs, since it rounds more"}[verdict.runtime]
        return [f"ONNX Runtime: {also}"]
    lines = []
    if verdict.status == "unknown" and np.isfinite(high):
        lines.append(f"No input meets every condition by more than {high:.6g}.")
    if verdict.status == "unknown" and np.isfinite(low):
        lines.append(f"The best one found misses the tightest by {-low:.6g}.")
    return lines


def _work(verdict: Verdict) -> str:
    parts = f"{counted('part', verdict.nodes)} of the inputs looked at"
    left = f"; {100 * verdict.share:.3g} % of the inputs are left" if verdict.status == "unknown" else ""
    return f"{parts} in {verdict.seconds:.3g} s{left}."
