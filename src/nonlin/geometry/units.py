"""Which call and which unit of it stand behind the numbers of a cell's pattern and facets."""

from dataclasses import dataclass

import numpy as np

from nonlin.geometry.cells.cells import Cells
from nonlin.networks.array import Array

__all__ = ["Units", "units_of"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Units:
    """The units of a pattern, in its order.

    Args:
        calls: the names of the calls that bend, in the order of the network.
        call: for each unit the number of its call in `calls`, shape (units,).
        unit: its index in the call's flattened pre-activation; of max pooling, of the window in the flattened output.
        pooling: the numbers of the calls that are max pooling.
    """

    calls: tuple[str, ...]
    call: Array
    unit: Array
    pooling: tuple[int, ...]


def units_of(found: Cells) -> Units:
    """Return what the numbers in `cell.pattern` and `cell.facets` stand for."""
    calls: list[str] = []
    numbers, units, pooling = [np.zeros(0, np.intp)], [np.zeros(0, np.intp)], []
    for stage in found.problem.chain.stages:
        if stage.windows:
            pooling.append(len(calls))
            numbers.append(np.full(len(stage.windows), len(calls)))
            units.append(np.arange(len(stage.windows)))
            calls.append(stage.call)
            continue
        call, unit = np.full(stage.units, -1), np.full(stage.units, -1)
        for name, places in stage.bent_by:
            call[places], unit[places] = len(calls), np.arange(len(places))
            calls.append(name)
        bent = np.array([b >= 0 and len(stage.bends[b].kinks) > 0 for b in stage.bend], bool)
        numbers.append(call[bent])
        units.append(unit[bent])
    return Units(
        calls=tuple(calls),
        call=np.concatenate(numbers).astype(np.intp),
        unit=np.concatenate(units).astype(np.intp),
        pooling=tuple(pooling),
    )
