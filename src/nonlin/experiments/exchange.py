"""Puts a function in the place of a model's own activations, call by call. Loads torch."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from nonlin.errors import UnsupportedModelError
from nonlin.functions.torch_modules import activation_module
from nonlin.inspection.curing.torch_exchange import Exchange, adapted
from nonlin.inspection.curing.torch_survey import Site, survey
from nonlin.inspection.recording import Batch

if TYPE_CHECKING:
    import torch

    from nonlin.functions import Function

__all__ = ["exchange_"]

_ENDINGS = ("softmax", "log_softmax", "softmin", "glu")


def exchange_(
    model: torch.nn.Module, function: Function, example: Any, *, sites: tuple[str, ...] | None
) -> list[tuple[str, torch.nn.Module]]:
    """Let a model call another function.

    Args:
        model: is changed.
        function: instead; one with parameters that learn has its own at every call.
        example: a batch of inputs.
        sites: the names of the calls, as `nonlin inspect` has them; None for every call of the function that the model
            calls most, the first of them where several are called as often.

    Returns:
        The name and the new module of every exchanged call, in the order of the forward pass; a module of the model's
        that stands for several calls is there once.

    Raises:
        UnsupportedModelError: no call that could be exchanged, or none of a given name.
    """
    batch = Batch(inputs={"x": example}, labels=None, size=len(example))
    found = survey(model, batch)
    chosen = _chosen(found, sites)
    made: dict[str, torch.nn.Module] = {}
    for name in chosen:
        path = found[name].module
        if path is None or _covered(found, made, name):
            continue
        if {n for n, s in found.items() if s.module == path} <= set(chosen):
            made[name] = _replace(model, path, function)
    inside = [name for name in chosen if found[name].module is None or not _covered(found, made, name)]
    if inside:
        again = survey(model, batch) if made else found  # the numbers of the operations may have changed
        how = adapted(model)
        for number, name in enumerate(inside):
            site, module = again[name], activation_module(function)
            model.add_module(f"nonlin_activation_{number}", module)
            how.exchanges.append(Exchange(output=site.output, pre=site.pre, function=module))
            made[name] = module
    return [(name, made[name]) for name in chosen if name in made]


def _chosen(found: dict[str, Site], sites: tuple[str, ...] | None) -> list[str]:
    if sites is not None:
        missing = [name for name in sites if name not in found]
        if missing:
            raise UnsupportedModelError(
                f"expected the names of calls ({', '.join(found) or 'the model has none'}), got {missing[0]}; use those"
            )
        return [name for name in found if name in sites]
    counts = Counter(site.function for site in found.values() if site.function not in _ENDINGS)
    if not counts:
        raise UnsupportedModelError(
            "expected a model that calls an activation function, found no such call; nonlin inspect shows what it sees"
        )
    most = counts.most_common(1)[0][0]
    return [name for name, site in found.items() if site.function == most]


def _covered(found: dict[str, Site], made: dict[str, Any], name: str) -> bool:
    return any(found[other].module == found[name].module for other in made)


def _replace(model: torch.nn.Module, path: str, function: Function) -> torch.nn.Module:
    owner, _, name = path.rpartition(".")
    module = activation_module(function)
    setattr(model.get_submodule(owner), name, module)
    return module
