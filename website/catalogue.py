"""The catalogue as HTML: a table to sort and filter, and a card a function."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from math import inf, isfinite
from typing import TYPE_CHECKING, Any

from latex2mathml.converter import convert

import nonlin
from nonlin import Function, pictures
from nonlin.functions.curve import held
from nonlin.functions.description import Description, describe
from nonlin.functions.latex import latex
from nonlin.report.figures import embed
from nonlin.report.function import property_text

if TYPE_CHECKING:
    from nonlin.functions.property import Property

__all__ = ["write"]

MARKS = {"proved": "✓", "numeric": "≈", "unknown": "?"}
SHOWN = (
    "range",
    "monotone",
    "convex",
    "smoothness",
    "lipschitz",
    "kinks",
    "fixed_points",
    "piecewise_linear",
)
SHOWN += ("bounded", "odd", "even")
SHOWN_OF_VECTORS = (
    "range",
    "sums_to_one",
    "order",
    "shift_invariant",
    "lipschitz",
    "piecewise_linear",
    "bounded",
)
LABELS = {"fixed_points": "fixed points", "piecewise_linear": "piecewise linear", "lipschitz": "Lipschitz"}
LABELS |= {"sums_to_one": "sums to one", "shift_invariant": "shift-invariant"}
COLUMNS = ("function", "year", "range", "monotone", "smoothness", "Lipschitz", "mean", "gain", "χ₁")
NUMBERS = frozenset({"year", "smoothness", "Lipschitz", "mean", "gain", "χ₁"})
FILTERS = {
    "monotone": "monotone",
    "smooth": "no kink",
    "bounded": "bounded",
    "piecewise-linear": "piecewise linear",
    "learns": "has a learned parameter",
    "vector": "of a whole vector",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell of the table: what it shows, and what it is sorted by."""

    text: str
    key: float | str


def write() -> str:
    """Return the table and the cards of all functions."""
    described = [describe(f) for f in nonlin.functions()]
    boxes = "".join(
        f'<label><input type="checkbox" value="{word}"> {label}</label>' for word, label in FILTERS.items()
    )
    heads = "".join(
        f'<th scope="col"{" class=n" if name in NUMBERS else ""}><button type="button">{name}</button></th>'
        for name in COLUMNS
    )
    rows = "".join(_row(description) for description in described)
    cards = "".join(_card(description) for description in described)
    return (
        '<div class="catalogue" data-search-exclude>'
        f'<form class="filters" role="search"><label>Find <input type="search" name="find" '
        f'placeholder="name, formula, author"></label>{boxes}<output></output></form>'
        f'<div class="scroll"><table class="rows"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
        "</div>"
        f'<div class="cards">{cards}</div>'
    )


def _row(description: Description) -> str:
    cells = "".join(
        f'<td{" class=n" if name in NUMBERS else ""} data-key="{escape(str(cell.key))}">{cell.text}</td>'
        for name, cell in zip(COLUMNS[1:], _cells(description), strict=True)
    )
    f = description.function
    name = f'<th scope="row" data-key="{f.name}"><a href="#{f.name}">{f.name}</a></th>'
    return f"<tr {_facts(description)}>{name}{cells}</tr>"


def _cells(description: Description) -> list[Cell]:
    f, p, m = description.function, description.function.properties, description.moments
    year = Cell(text=str(f.entry.year), key=f.entry.year) if f.entry else _NOTHING
    span = Cell(text=_said(p, "range"), key=p.range.value[0] if p.range.value else inf)
    bound = Cell(text=_said(p, "lipschitz"), key=_sortable(p.lipschitz.value))
    if m is None:
        return [year, span, _NOTHING, _NOTHING, bound, _NOTHING, _NOTHING, _NOTHING]
    return [
        year,
        span,
        Cell(text=_said(p, "monotone"), key=str(p.monotone.value)),
        Cell(text=_said(p, "smoothness"), key=_sortable(p.smoothness.value)),
        bound,
        *(Cell(text=_short(x), key=_sortable(x)) for x in (m.mean, m.gain, m.chi1)),
    ]


_NOTHING = Cell(text="–", key="")


def _sortable(value: float | None) -> float | str:
    return "" if value is None or value != value else float(value)  # noqa: PLR0124 - NaN is not itself


def _short(value: float) -> str:
    return (
        f"{round(value, 4) + 0.0:.4f}".replace("-", "−") if isfinite(value) else "∞" if value == inf else "–"
    )


def _said(properties: Any, name: str) -> str:
    found: Property[Any] = getattr(properties, name)
    text = escape(property_text(name, found, attained=properties.attained))
    return f'<span title="{found.status}: {escape(found.reason, quote=True)}">{MARKS[found.status]}</span> {text}'


def _facts(description: Description) -> str:
    """Return what filters ask for, as attributes."""
    f, p = description.function, description.function.properties
    entry = f.entry
    holds = {
        "monotone": not f.vector and p.monotone.value not in ("no", None),
        "smooth": not f.vector and (p.smoothness.value or 0) >= 1,
        "bounded": p.bounded.value,
        "piecewise-linear": p.piecewise_linear.value,
        "learns": entry is not None and any(parameter.learnable for parameter in entry.parameters),
        "vector": f.vector,
    }
    words = [f.name, *(entry.aliases if entry else ()), f.formula, entry.paper if entry else ""]
    text = escape(" ".join(words).lower(), quote=True)
    return (
        f'data-name="{f.name}" data-text="{text}" data-facts="{" ".join(k for k, v in holds.items() if v)}"'
    )


def _card(description: Description) -> str:
    f = description.function
    rows = [(LABELS.get(name, name), _said(f.properties, name)) for name in _names(f)]
    if m := description.moments:
        rows += [
            (
                "mean, gain, χ₁",
                f'<span title="quadrature">≈</span> {_short(m.mean)}, {_short(m.gain)}, {_short(m.chi1)}',
            )
        ]
    listed = "".join(f"<div><dt>{label}</dt><dd>{text}</dd></div>" for label, text in rows)
    return (
        f'<article {_facts(description)}><h3 id="{f.name}">{f.name}'
        f'<a class="headerlink" href="#{f.name}" title="Permanent link">¶</a></h3>'
        f"{_origin(f)}<p class=formula>{_formula(f)}</p><div data-search-exclude>{_picture(description)}"
        f"<dl>{listed}</dl></div></article>"
    )


def _names(f: Function) -> tuple[str, ...]:
    return SHOWN_OF_VECTORS if f.vector else SHOWN


def _origin(f: Function) -> str:
    entry = f.entry
    if entry is None:
        return ""
    also = f"<p class=also>also {escape(', '.join(entry.aliases))}</p>" if entry.aliases else ""
    note = f"<p class=also>{escape(entry.note)}</p>" if entry.note else ""
    values = ", ".join(
        f"{escape(p.name)} = {p.default:.6g}{' (learned)' if p.learnable else ''}" for p in entry.parameters
    )
    parameters = f"<p class=also>{values}</p>" if values else ""
    return f"{also}<p class=paper>{escape(entry.paper)} ({entry.year})</p>{note}{parameters}"


def _formula(f: Function) -> str:
    return f"<code>{escape(f.formula)}</code>" if f.vector else convert(latex(f), display="block")


def _picture(description: Description) -> str:
    f = description.function
    if description.curve is not None:
        figure, words = pictures.function(description.curve), f"{f.name} and its slope"
    else:
        figure = pictures.outputs(description.outputs)
        words = f"{f.name} of ({', '.join([*(f'{x:g}' for x in held(f)), 'x'])})"
    caption = f"<figcaption>{escape(words)}</figcaption>" if f.vector else ""
    return f"<figure>{embed(figure, f'f-{f.name}', words)}{caption}</figure>"
