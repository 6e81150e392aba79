"""The catalogue as the page needs it: each function lowered to JavaScript, with what is proven of its usual form."""

from __future__ import annotations

import json
from dataclasses import fields
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from nonlin.errors import InvalidInputError
from nonlin.functions import functions
from nonlin.functions.differentiation import differentiate
from nonlin.functions.javascript import javascript, javascript_breakpoints

if TYPE_CHECKING:
    from nonlin.functions import Function

__all__ = ["PROPERTIES_FILE", "catalogue_module", "known_properties", "scalar_functions"]

PROPERTIES_FILE = "properties.json"
"""What is proven of every function with its default parameters, derived once; a test derives it anew."""

_ORDER = 20  # of the rule of Gauss and Legendre, as in nonlin.functions.gaussian_quadrature


def scalar_functions() -> tuple[Function, ...]:
    """Return every function of the catalogue that takes one number, by name."""
    return tuple(sorted((f for f in functions() if not f.vector), key=lambda f: f.name))


def catalogue_module() -> str:
    """Return the text of the module `generated.js`: the functions, and the nodes of the rule of integration."""
    proven = json.loads(files("nonlin.explore").joinpath(PROPERTIES_FILE).read_text(encoding="utf-8"))
    entries = ",\n".join(
        f"{json.dumps(f.name)}: {_entry(f, proven.get(f.name, {}))}" for f in scalar_functions()
    )
    rule = [values.tolist() for values in np.polynomial.legendre.leggauss(_ORDER)]
    return (
        'import { P } from "./javascript_primitives.js";\n'
        f"export const CATALOGUE = {{\n{entries}\n}};\n"
        f"export const LEGENDRE = {json.dumps(rule)};\n"
    )


def known_properties(f: Function) -> dict[str, dict[str, Any]]:
    """Return every property of a function as values that JSON has, with its status."""
    found = f.properties
    return {
        field.name: {
            "value": _plain(getattr(found, field.name).value),
            "status": getattr(found, field.name).status,
        }
        for field in fields(found)
    }


def _entry(f: Function, proven: dict[str, Any]) -> str:
    if f.definition is None:
        raise InvalidInputError(
            f"expected a function of one number, got {f.name}, of a whole vector; leave it out"
        )
    slope = differentiate(f.definition)
    forms = {
        "value": javascript(f.definition),
        "slope": javascript(slope),
        "curvature": javascript(differentiate(slope)),
        "breakpoints": javascript_breakpoints(f.definition),
    }
    facts = {
        "formula": f.formula,
        "paper": f.entry.paper if f.entry else "",
        "year": f.entry.year if f.entry else 0,
        "note": f.entry.note if f.entry else "",
        "parameters": [_parameter(p) for p in (f.entry.parameters if f.entry else ())],
        "largest": _plain(f.largest_slope),
        "affine": f.pieces is not None,
        "properties": proven,
    }
    written = ", ".join(f"{name}: {text}" for name, text in forms.items())
    return f"{{ {written}, ...{json.dumps(facts, ensure_ascii=False)} }}"


def _parameter(entry: Any) -> dict[str, Any]:
    return {"name": entry.name, "usual": entry.default, "low": _plain(entry.low), "high": _plain(entry.high)}


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; infinities and NaN become texts."""
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, bool) or not isinstance(value, float):
        return value
    return value if np.isfinite(value) else "nan" if np.isnan(value) else "inf" if value > 0 else "-inf"


def _write_properties() -> None:  # pragma: no cover - run by hand after the catalogue has changed
    found = {f.name: known_properties(f) for f in scalar_functions()}
    place = str(files("nonlin.explore").joinpath(PROPERTIES_FILE))
    with open(place, "w", encoding="utf-8") as file:  # noqa: PTH123 - a resource's path
        file.write(json.dumps(found, indent=0, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    _write_properties()
