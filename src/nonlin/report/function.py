"""What is known about functions: in the terminal, and as an HTML page with a picture."""

from collections.abc import Sequence
from dataclasses import fields
from html import escape
from math import isfinite, isinf, isnan, sqrt
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nonlin.functions.description import Description
from nonlin.functions.properties import Properties
from nonlin.functions.property import Property
from nonlin.functions.vector_properties import VectorProperties
from nonlin.report.braille import plot
from nonlin.results import number

__all__ = ["function_page", "print_function", "print_functions", "property_text"]

_DIGITS = 7
_SHOWN = 6
"""So many kinks or fixed points are listed."""

_STATUS = {"proved": "green", "numeric": "yellow", "unknown": "dim"}
_LABELS = {
    "fixed_points": "fixed points",
    "piecewise_linear": "piecewise linear",
    "lipschitz": "Lipschitz constant",
    "sums_to_one": "sums to one",
    "order": "order of the elements",
    "shift_invariant": "shift invariant",
}


def print_function(description: Description, console: Console) -> None:
    """Print one function: its definition, a picture, values, properties and moments."""
    f = description.function
    console.print(Text.assemble((f.label, "bold"), "   ", f.formula))
    for line in _origin(description):
        console.print(Text(line, style="dim"))
    console.print()
    curve = description.curve
    if curve is not None:
        for dots in plot(curve.x, [(curve.slope, "yellow"), (curve.value, "bold blue")]):
            console.print(dots)
        console.print(Text.assemble(("f", "bold blue"), "  ", ("slope", "yellow")))
        console.print()
        console.print(_values(description))
        console.print()
    console.print(_properties(description))
    console.print()
    for sentence in _sentences(description):
        console.print(sentence)


def print_functions(rows: Sequence[tuple[str, ...]], console: Console) -> None:
    """Print the catalogue: name, aliases, formula, year."""
    table = Table(box=None, padding=(0, 1), header_style="bold", pad_edge=False)
    for name in ("name", "aliases", "formula", "year"):
        table.add_column(name, overflow="fold", justify="right" if name == "year" else "left")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)


def property_text(
    name: str, found: Property[Any], *, attained: Property[tuple[bool, bool]] | None = None
) -> str:
    """Return a property's value in words and numbers.

    Args:
        name: of the property.
        found: the property.
        attained: for a range, whether its ends are values.
    """
    value = found.value
    if value is None:
        return "–"
    if name == "range":
        taken = (False, False) if attained is None else attained.value
        if taken is None:  # a bracket would say more than samples do
            return f"{_number(value[0])} to {_number(value[1])}"
        return f"{'[' if taken[0] else '('}{_number(value[0])}, {_number(value[1])}{']' if taken[1] else ')'}"
    if name == "limits":
        return " and ".join("none" if isnan(end) else _number(end) for end in value)
    if name == "kinks":
        return _listed([_number(x) for x in value])
    if name == "fixed_points":
        return _listed([_number(a) if a == b else f"[{_number(a)}, {_number(b)}]" for a, b in value])
    if name == "smoothness":
        return "it jumps" if value < 0 else "C∞" if isinf(value) else f"C{value:.0f}".translate(_SUPERSCRIPTS)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else _number(value)


_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def function_page(descriptions: Sequence[Description], picture: str) -> str:
    """Return a self-contained HTML page about one or several functions.

    Args:
        descriptions: of the functions.
        picture: an <svg> element, or nothing.
    """
    title = ", ".join(description.function.label for description in descriptions)
    parts = [_section(description) for description in descriptions]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_CSS}</style></head><body>\n<h1>{escape(title)}</h1>\n{picture}\n{''.join(parts)}</body></html>\n"
    )


_CSS = (
    ":root{--ink:#1c2024;--muted:#60676e;--grid:#d5d9dd;--linear:#0072b2;--dead:#d55e00;--sans:system-ui,sans-serif}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e8ea;--muted:#a4abb2;--grid:#3a4046;--linear:#56b4e9}"
    "body{background:#16191c}}"
    "body{color:var(--ink);font:16px/1.5 var(--sans);max-width:46rem;margin:2rem auto;padding:0 1rem}"
    "svg{max-width:100%;height:auto}table{border-collapse:collapse;margin:1rem 0}"
    "td,th{text-align:left;padding:.15rem .8rem .15rem 0;border-bottom:1px solid var(--grid);vertical-align:top}"
    ".reason,.origin{color:var(--muted)}"
)


def _section(description: Description) -> str:
    f = description.function
    lines = [f"<h2>{escape(f.label)}</h2><p><code>{escape(f.formula)}</code></p>"]
    lines += [f'<p class="origin">{escape(line)}</p>' for line in _origin(description)]
    lines.append("<table><tr><th>property</th><th>value</th><th>known</th><th></th></tr>")
    for row in _property_rows(description.properties):
        label, text, known, reason = (escape(cell) for cell in row)
        lines.append(
            f'<tr><td>{label}</td><td>{text}</td><td>{known}</td><td class="reason">{reason}</td></tr>'
        )
    lines.append("</table>")
    lines += [f"<p>{escape(text.plain)}</p>" for text in _sentences(description)]
    return "\n".join(lines)


def _origin(description: Description) -> list[str]:
    f, lines = description.function, []
    if f.entry is not None:
        lines.append(f"{f.entry.paper} ({f.entry.year})")
        if f.entry.aliases:
            lines.append(f"also called {', '.join(f.entry.aliases)}")
        if f.entry.note:
            lines.append(f.entry.note)
    if f.parameters:
        lines.append("with " + ", ".join(f"{key} = {value:g}" for key, value in f.parameters.items()))
    return lines


def _values(description: Description) -> Table:
    table = Table(box=None, padding=(0, 2), header_style="bold", pad_edge=False)
    for name in ("x", "f(x)", "f′(x)", "f″(x)"):
        table.add_column(name, justify="right")
    for row in description.rows:
        table.add_row(*(f"{value:.{_DIGITS}g}" for value in (row.x, row.value, row.slope, row.curvature)))
    return table


def _properties(description: Description) -> Table:
    table = Table(box=None, padding=(0, 2), header_style="bold", pad_edge=False)
    for name in ("property", "value", "known"):
        table.add_column(name, overflow="fold")
    for label, text, known, _ in _property_rows(description.properties):
        table.add_row(label, Text(text), Text(known, style=_STATUS[known.split()[0].rstrip(",")]))
    return table


def _property_rows(properties: Properties | VectorProperties) -> list[tuple[str, str, str, str]]:
    rows = []
    for field in fields(properties):
        found: Property[Any] = getattr(properties, field.name)
        if field.name == "attained":
            continue
        text = property_text(field.name, found, attained=properties.attained)
        known = found.status
        if found.error and not isnan(found.error):
            known = f"{known}, ± {found.error:.0e}"  # type: ignore[assignment] # a status with its error
        rows.append((_LABELS.get(field.name, field.name), text, str(known), found.reason))
    return rows


def _sentences(description: Description) -> list[Text]:
    return [*_example(description), *_moments(description), *_laws(description)]


def _example(description: Description) -> list[Text]:
    if description.example is None:
        return []
    argument, value = (", ".join(_number(x) for x in vector) for vector in description.example)
    return [Text.assemble(("At ", "bold"), f"({argument})  it is  ({value})")]


def _moments(description: Description) -> list[Text]:
    m = description.moments
    if m is None:
        return []
    under = f"Under N(0, {m.variance:g})  "
    if not isfinite(m.second):
        grows = "E f² is infinite" if m.second > 0 else "the integral of f² is not seen to converge"
        return [Text.assemble((under, "bold"), f"{grows}; there is no gain")]
    margin = m.error * sqrt(m.second)
    mean = f"0 ± {margin:.1g}" if abs(m.mean) < margin else f"{m.mean:.6g}"
    slopes = (
        "does not converge"
        if isnan(m.slope_second)
        else "∞"
        if isinf(m.slope_second)
        else f"{m.slope_second:.6g}"
    )
    first = (
        f"mean {mean}, E f² {m.second:.6g}, E f′² {slopes}, gain {'∞' if isinf(m.gain) else f'{m.gain:.6g}'}"
    )
    if isnan(m.chi1):
        return [Text.assemble((under, "bold"), first)]
    runs = "keeps its size" if isinf(m.depth) else f"changes by e in {m.depth:.3g} layers"
    if isinf(m.chi1):
        runs = "explodes in one"
    chi1 = "∞" if isinf(m.chi1) else f"{m.chi1:.4g}"
    second = f"χ₁ {chi1}, dQ/dq {m.length_slope:.4g}, the squared gradient {runs}"
    return [Text.assemble((under, "bold"), first), Text.assemble(("At that gain  ", "bold"), second)]


def _laws(description: Description) -> list[Text]:
    judged = description.linearity
    if judged is None:
        return []
    lines = [Text.assemble(("Linearity  ", "bold"), f"{judged.verdict} ({judged.status}): {judged.reason}")]
    broken = [example for example in (judged.additivity, judged.homogeneity) if example is not None]
    return lines + [Text.assemble((f"Breaks {example.law}  ", "bold"), example.text) for example in broken]


def _listed(texts: Sequence[str]) -> str:
    if not texts:
        return "none"
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return ", ".join(texts[:_SHOWN]) + more


def _number(value: float) -> str:
    return number(value, _DIGITS)
