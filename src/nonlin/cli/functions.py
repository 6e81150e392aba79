"""`nonlin functions`."""

import json
from collections.abc import Callable
from math import inf, isfinite
from typing import Any

import click

from nonlin.cli.output import screen
from nonlin.functions import Function
from nonlin.functions import functions as catalogue
from nonlin.functions.properties import derive
from nonlin.report.function import print_functions

__all__ = ["functions"]

_RISING = ("increasing", "strictly increasing", "decreasing", "strictly decreasing")


def _property(name: str, fits: Callable[[Any], bool]) -> Callable[[Function], bool | None]:
    """Return a filter: whether the property fits; None where it is not known, or none of a function of a vector."""

    def keep(f: Function) -> bool | None:
        found = getattr(f.properties, name, None) if f.expression is None else derive(f.expression, name)
        return None if found is None or found.value is None else fits(found.value)

    return keep


_FILTERS: dict[str, tuple[str, Callable[[Function], bool | None]]] = {
    "smooth": ("Every derivative is continuous.", _property("smoothness", lambda value: value == inf)),
    "continuous": ("Without a jump.", _property("smoothness", lambda value: value >= 0)),
    "monotone": ("Nowhere both rising and falling.", _property("monotone", lambda value: value in _RISING)),
    "convex": ("Convex.", _property("convex", lambda value: value in ("convex", "affine"))),
    "bounded": ("With a bounded range.", _property("bounded", bool)),
    "lipschitz": ("With a finite Lipschitz constant.", _property("lipschitz", lambda value: value < inf)),
    "odd": ("f(−x) = −f(x).", _property("odd", bool)),
    "even": ("f(−x) = f(x).", _property("even", bool)),
    "piecewise-linear": ("Made of affine pieces.", _property("piecewise_linear", bool)),
    "learnable": (
        "With a parameter that its paper learns.",
        lambda f: f.entry is not None and any(p.learnable for p in f.entry.parameters),
    ),
    "vector": ("Of a whole vector.", lambda f: f.vector),
}


def _with_filters(command: click.Command) -> click.Command:
    for name, (text, _) in reversed(_FILTERS.items()):
        command.params.insert(
            0, click.Option([f"--{name}/--not-{name}", name.replace("-", "_")], default=None, help=text)
        )
    return command


@click.command()
@click.option(
    "--format", "form", type=click.Choice(("text", "json")), default="text", show_default=True, help="How."
)
def functions(form: str, **filters: bool | None) -> None:
    """List the activation functions of the catalogue that pass every filter.

    Properties are derived, not looked up, so that a filter may take some seconds. A function of which a property is
    not known, or has no meaning as monotone has none of a vector, passes neither the filter nor its opposite.
    """
    wanted = {name: value for name, value in filters.items() if value is not None}
    found = [f for f in catalogue() if all(_passes(f, name, value=value) for name, value in wanted.items())]
    if form == "json":
        click.echo(json.dumps([_data(f) for f in found], indent=2, ensure_ascii=False))
        return
    print_functions([_row(f) for f in found], screen())
    click.echo(f"\n{len(found)} of {len(catalogue())} functions")


def _passes(f: Function, name: str, *, value: bool) -> bool:
    return _FILTERS[name.replace("_", "-")][1](f) == value


def _row(f: Function) -> tuple[str, ...]:
    entry = f.entry
    assert entry is not None  # noqa: S101 - for the type checker: all are of the catalogue
    return f.name, ", ".join(entry.aliases), f.formula, str(entry.year)


def _data(f: Function) -> dict[str, Any]:
    entry = f.entry
    assert entry is not None  # noqa: S101 - as above
    parameters = [
        {
            "name": p.name,
            "default": p.default,
            "low": p.low if isfinite(p.low) else None,
            "high": p.high if isfinite(p.high) else None,
            "learnable": p.learnable,
        }
        for p in entry.parameters
    ]
    return {
        "name": f.name,
        "aliases": entry.aliases,
        "formula": f.formula,
        "parameters": parameters,
        "vector": f.vector,
        "paper": entry.paper,
        "year": entry.year,
    }


_with_filters(functions)
