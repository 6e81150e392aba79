"""The set of planted faults: every architecture, function and form, each healthy and with a fault."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from nonlin.testing.planted import Expected, Planted

__all__ = ["faults"]

_ARCHITECTURES = ("mlp", "cnn", "sequence", "lstm", "attention", "residual")
_FORMS = ("module", "functional", "shared", "inplace", "decomposed")
_FAULTS = {
    "relu": ("dead", "linear"),
    "leaky_relu": ("linear",),
    "prelu": ("linear",),
    "gelu": ("dead", "linear"),
    "silu": ("dead", "linear"),
    "mish": ("dead", "linear"),
    "elu": ("dead", "saturated", "linear"),
    "sigmoid": ("dead", "saturated", "linear"),
    "tanh": ("dead", "saturated", "linear"),
}
"""What can be wrong with each function: a Leaky ReLU cannot die."""

_NOT_IN_PLACE = ("prelu", "gelu")  # PyTorch has no such form of them


def faults() -> tuple[Planted, ...]:
    """Return the planted faults and the healthy controls.

    Every architecture with every function in every form, healthy and with each fault that the function can have;
    besides a sparse ReLU layer (97 % zeros, and healthy), two affine layers with nothing between, a layer
    whose units all read the same, gradients that vanish and explode, and values that overflow.

    Returns:
        The cases, in a fixed order. Models and data are made when asked for, and need PyTorch.

    >>> from nonlin.testing import faults
    >>> case = next(case for case in faults() if case.name == "mlp-relu-shared-dead")
    >>> sorted(case.expected)
    [('dead', 'act')]
    """
    return tuple(_cases())


def _cases() -> Iterator[Planted]:
    for architecture in _ARCHITECTURES:
        for function, kinds in _FAULTS.items():
            for form in _FORMS:
                if form == "inplace" and function in _NOT_IN_PLACE:
                    continue
                for fault in ("healthy", *kinds):
                    yield _case(architecture, function, form, fault)
        for form in _FORMS:
            yield _case(architecture, "relu", form, "sparse")
            yield _case(architecture, "relu", form, "collapse")
            yield _case(architecture, "relu", form, "low-rank")
    for fault in ("exploding", "vanishing", "nonfinite"):
        for form in _FORMS:
            yield _case("mlp", "relu", form, fault)


def _case(architecture: str, function: str, form: str, fault: str) -> Planted:
    return Planted(
        name=f"{architecture}-{function}-{form}-{fault}",
        architecture=architecture,
        function=function,
        form=form,
        fault=fault,
        expected=frozenset(_expected(*_calls(function, form), fault)),
        build=partial(_model, architecture, function, form, fault),
        data=partial(_data, architecture),
    )


def _calls(function: str, form: str) -> tuple[str, str]:
    """Return the names of the two calls: of the module, or of the function where there is none."""
    if form == "module":
        return "first", "second"
    name = "act" if form == "shared" else function
    return name, f"{name}#2"


def _expected(first: str, second: str, fault: str) -> set[Expected]:
    if fault in ("healthy", "sparse"):
        return set()
    if fault == "collapse":
        return {("collapse", "a → between")}
    if fault == "vanishing":  # it comes with outputs that are too large by as much
        return {("vanishing", first), ("exploding", first)}
    if fault == "nonfinite":
        return {("nonfinite", where) for where in (first, second, "the output")}
    return {(fault, first)}


def _model(architecture: str, function: str, form: str, fault: str) -> Any:
    from nonlin.testing.faulty import make_model

    return make_model(architecture, function, form, fault)


def _data(architecture: str) -> Any:
    from nonlin.testing.faulty import make_data

    return make_data(architecture)
