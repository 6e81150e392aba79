"""Where the results of an operation come from: their layer, the axis of its units, and the affine layers in a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from nonlin.inspection.torch.affine import chain_of, follows
from nonlin.inspection.torch.axes import follow_axis
from nonlin.inspection.torch.forms import KEEPS_VALUE
from nonlin.inspection.torch.layers import KEEPS_AFFINE, Layer, is_affine_norm, norm_axis
from nonlin.inspection.torch.lineage import Lineage, Lineages, Origin, Usage

if TYPE_CHECKING:
    from nonlin.inspection.recording import AffineChain
    from nonlin.inspection.torch.operations import Operation
    from nonlin.inspection.torch.places import Places

__all__ = ["Descent"]

Arguments = tuple[Any, ...]
Keywords = Mapping[str, Any]


class Descent:
    """Derives the lineage of each result from those of the operands, and notes the affine layers in a row."""

    def __init__(self, places: Places, lineages: Lineages) -> None:
        """Read where the forward pass is, and the lineages of the operands, from these."""
        self._places = places
        self._lineages = lineages
        self._links: list[tuple[AffineChain, Usage]] = []

    def restart(self) -> None:
        """Begin a forward pass."""
        self._links.clear()

    def chains(self) -> tuple[AffineChain, ...]:
        """Return the affine layers in a row of which nothing else uses what is between them."""
        return tuple(chain for chain, usage in self._links if _used_once(usage))

    def derived(
        self,
        call: tuple[Operation, Arguments, Keywords],
        before: Sequence[tuple[torch.Tensor, Lineage]],
        found: Layer | None,
        output: torch.Tensor,
    ) -> Lineage:
        """Return the lineage of a result.

        Args:
            call: the operation.
            before: its operands with their lineages.
            found: the layer that it is, None where it is none.
            output: the result.
        """
        what, arguments, keywords = call
        source, old = max(before, key=lambda entry: entry[1].origin.step)
        if what.name == "setitem" and before[0][0] is output:
            source, old = before[0]
        if found is not None:
            return self._through_layer(found, before[0], output)
        axis = norm_axis(what.name, output.dim())
        if axis is None:
            axis = follow_axis(source, old.origin.unit_axis, output)
        name, step = old.origin.layer, old.origin.step
        if name is None and norm_axis(what.name, output.dim()) is not None:
            name, step = self._places.here.path or what.name, self._places.here.step
        keeps = len(before) == 1 and self._keeps_affine(what.name, arguments, keywords)
        origin = Origin(unit_axis=axis, layer=name, step=step, run=old.origin.run if keeps else ())
        compared = None
        if output.dtype == torch.bool:
            compared = old.usage if source.dtype != torch.bool else old.compared
        return Lineage(
            origin=origin,
            usage=Usage(previous=old.usage if keeps else None),
            place=self._places.here,
            compared=compared,
        )

    def _through_layer(
        self, found: Layer, source: tuple[torch.Tensor, Lineage], output: torch.Tensor
    ) -> Lineage:
        tensor, old = source
        run, axis = old.origin.run, old.origin.unit_axis
        here = found.affine
        origin = Origin(
            unit_axis=found.unit_axis % max(output.dim(), 1),
            layer=found.name,
            step=self._places.here.step,
            run=() if here is None else (here,),
        )
        if here is not None and follows(run, here) and axis == (1 if here.kernel else tensor.dim() - 1):
            run = (*run, replace(here, direct=old.place.step == old.origin.step))
            self._links.append((chain_of(run), old.usage))
            origin = Origin(unit_axis=origin.unit_axis, layer=found.name, step=origin.step, run=run)
            return Lineage(origin=origin, usage=Usage(previous=old.usage), place=self._places.here)
        return Lineage(origin=origin, place=self._places.here)

    def _keeps_affine(self, name: str, arguments: Arguments, keywords: Keywords) -> bool:
        if is_affine_norm(name, arguments, keywords):
            return True
        if name == "div" and (len(arguments) < 2 or self._followed(arguments[1])):
            return False
        return name in KEEPS_AFFINE or name in KEEPS_VALUE

    def _followed(self, value: Any) -> bool:
        return isinstance(value, torch.Tensor) and self._lineages.get(value) is not None


def _used_once(usage: Usage | None) -> bool:
    while usage is not None:
        if usage.count != 1:
            return False
        usage = usage.previous
    return True
