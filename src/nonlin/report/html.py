"""An inspection as one self-contained HTML page, and as a fragment for a notebook."""

import re
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nonlin.files import write_whole
from nonlin.inspection import SEVERITIES, Call, Finding, Inspection, Prediction
from nonlin.inspection.prediction.result import MEANING, remarks, table
from nonlin.inspection.thresholds import DEAD_SLOPE, FLAT_SLOPE
from nonlin.report import wording
from nonlin.results import number

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

__all__ = ["environment", "fragment", "page", "write_html"]

_FINDINGS_IN_A_FRAGMENT = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Findings of one kind and severity, with their advice."""

    kind: str
    severity: str
    findings: tuple[Finding, ...]
    advice: tuple[str, ...]


def page(inspection: Inspection) -> str:
    """Return the inspection as one HTML page that needs nothing else: no script, no request to any network."""
    from nonlin.report.gallery import draw  # it loads matplotlib

    return (
        environment()
        .get_template("inspection.html.jinja")
        .render(
            inspection=inspection,
            headline=wording.headline(inspection),
            groups=_groups(inspection.findings),
            gallery=draw(inspection),
            **_predicted(inspection.prediction),
            dead_slope=DEAD_SLOPE,
            flat_slope=FLAT_SLOPE,
            version=_version(),
        )
    )


def _predicted(prediction: Prediction | None) -> dict[str, Any]:
    if prediction is None:
        return {}
    return {"predicted": table(prediction), "meaning": MEANING, "remarks": remarks(prediction)}


def fragment(inspection: Inspection) -> str:
    """Return a short form for a notebook: the verdict, the table of calls, the findings; without pictures."""
    return (
        environment()
        .get_template("fragment.html.jinja")
        .render(
            inspection=inspection,
            headline=wording.headline(inspection),
            findings=inspection.findings[:_FINDINGS_IN_A_FRAGMENT],
            more=max(0, len(inspection.findings) - _FINDINGS_IN_A_FRAGMENT),
        )
    )


def write_html(inspection: Inspection, path: str | Path) -> Path:
    """Write the page; an existing file is replaced only when the new one is whole.

    Returns:
        The path.

    Raises:
        MissingInputError: if the folder does not exist.
        InvalidInputError: if the file cannot be written.
    """
    return write_whole(Path(path), page(inspection))


@cache
def environment() -> "Environment":
    """Return the templates of the reports, with the filters that they use."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("nonlin.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "number": number,
        "share": wording.share,
        "figure": wording.figure_of,
        "shape": _shape,
        "breakable": _breakable,
    }
    made.globals |= {"count_of": wording.count_of}
    return made


def _version() -> str:
    """Return the installed version; empty where the package is used from its sources, without being installed."""
    try:
        return version("nonlin")
    except PackageNotFoundError:
        return ""


def _shape(call: Call) -> str:
    return " × ".join(f"{n:,}" for n in call.shape) or "1"


def _breakable(name: str) -> "Markup":
    """Return a name, escaped, with places where a line may break."""
    from markupsafe import Markup

    return Markup("<wbr>").join(re.split(r"(?<=[/.:,_(])", name))


def _groups(findings: tuple[Finding, ...]) -> tuple[Group, ...]:
    """Put findings of one kind together, the worst severity first."""

    def key(finding: Finding) -> tuple[int, str]:
        return -SEVERITIES.index(finding.severity), finding.kind

    return tuple(_group(tuple(members)) for _, members in groupby(sorted(findings, key=key), key=key))


def _group(members: tuple[Finding, ...]) -> Group:
    return Group(
        kind=members[0].kind,
        severity=members[0].severity,
        findings=members,
        advice=tuple(dict.fromkeys(finding.advice for finding in members)),
    )
