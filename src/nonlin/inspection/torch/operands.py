"""What PyTorch's recurrent operators get: one form for packed batches and others, and the parts of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

__all__ = ["Operands", "operands_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operands:
    """What a recurrent operator of whole layers gets.

    Args:
        data: the inputs; of a packed batch, shape (rows, entries).
        sizes: how many sequences each step of a packed batch has; None for any other.
        initial: the states before the first step, shape (layers · directions, sequences, units) each.
        weights: of all layers and directions, one after the other.
        biases: whether they have biases.
        layers: how many are on top of each other.
        dropout: between them; 0 outside training.
        both: whether each runs in both directions.
        batch_first: whether the sequences are the first axis of the data.
    """

    data: Tensor
    sizes: Tensor | None
    initial: tuple[Tensor, ...]
    weights: tuple[Tensor, ...]
    biases: bool
    layers: int
    dropout: float
    both: bool
    batch_first: bool

    def layer(self, index: int, data: Tensor) -> Operands:
        """Return one of the layers on its own, and what it gets as data."""
        tensors, states = len(self.weights) // self.layers, 1 + self.both
        return replace(
            self,
            data=data,
            initial=tuple(state[index * states : (index + 1) * states] for state in self.initial),
            weights=self.weights[index * tensors : (index + 1) * tensors],
            layers=1,
            dropout=0.0,
        )

    def first(self, count: int, rows: Tensor) -> tuple[Operands, Tensor]:
        """Return what the first sequences get, and of other rows that lie as the data do, theirs."""
        few = tuple(state[:, :count].contiguous() for state in self.initial)
        if self.sizes is None:
            axis = 0 if self.batch_first else 1
            return replace(self, data=self.data.narrow(axis, 0, count), initial=few), rows.narrow(
                axis, 0, count
            )
        sizes = self.sizes.tolist()
        data, rows = (torch.cat([part[:count] for part in x.split(sizes)]) for x in (self.data, rows))
        return replace(self, data=data, sizes=self.sizes.clamp(max=count), initial=few), rows

    def run(self, name: str) -> Tensor:
        """Return the outputs that the operator of this name makes."""
        initial = self.initial if len(self.initial) > 1 else self.initial[0]
        how = (list(self.weights), self.biases, self.layers, self.dropout, self.dropout > 0, self.both)
        if self.sizes is None:
            outputs, *_ = getattr(torch, name)(self.data, initial, *how, self.batch_first)
        else:
            outputs, *_ = getattr(torch, name)(self.data, self.sizes, initial, *how)
        return outputs


def operands_of(arguments: tuple[Any, ...]) -> Operands:
    """Return an operator's arguments in one form."""
    if isinstance(arguments[3], (list, tuple)):
        data, sizes, initial, *how = arguments
        batch_first = False
    else:
        data, initial, *how, batch_first = arguments
        sizes = None
    weights, biases, layers, dropout, training, both = how
    return Operands(
        data=data,
        sizes=sizes,
        initial=tuple(initial) if isinstance(initial, (list, tuple)) else (initial,),
        weights=tuple(weights),
        biases=biases,
        layers=layers,
        dropout=dropout if training else 0.0,
        both=both,
        batch_first=batch_first,
    )
