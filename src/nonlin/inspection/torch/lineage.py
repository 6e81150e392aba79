"""Where each tensor of a forward pass comes from: its layer, its unit axis, its value in terms of earlier ones."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.weak import WeakTensorKeyDictionary

from nonlin.functions import Expression, Variable
from nonlin.functions.expression import Condition
from nonlin.inspection.torch.fate import Fate

if TYPE_CHECKING:
    from nonlin.functions import Function
    from nonlin.inspection.torch.affine import AffineLayer

__all__ = ["Candidate", "Form", "Lineage", "Lineages", "Origin", "Place", "Usage", "Value"]
__all__ += ["shares_memory"]

Form = Expression | Condition


@dataclass(slots=True, kw_only=True, eq=False)
class Value:
    """What a tensor held at one time, and the elementwise operations that it came by.

    Args:
        tensor: the tensor itself, or a copy once it is overwritten.
        origin: its layer and its axis.
        place: where it was made.
        forms: it in terms of earlier values, the earliest first.
        operands: the values that the last operation took.
        candidate: the call of an activation that the last operation is, where it is one.
        squares: where the norm of the gradient will come, or None until it is watched.
        fate: what becomes of the tensor.
    """

    tensor: torch.Tensor
    origin: Origin
    place: Place
    forms: dict[Value, Form] = field(default_factory=dict)
    operands: tuple[Value, ...] = ()
    candidate: Candidate | None = None
    squares: list[torch.Tensor] | None = None
    fate: Fate = field(default_factory=Fate)
    __weakref__: Any = field(init=False, repr=False)

    def forget(self) -> None:
        """Let go of what it came from."""
        self.forms = {}
        self.operands = ()
        self.candidate = None


@dataclass(slots=True, kw_only=True)
class Usage:
    """How many operations take a tensor, and the tensor that it is an affine copy of."""

    count: int = 0
    previous: Usage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What outlives the tensor.

    Args:
        unit_axis: counted from 0; None where it is not known.
        layer: the layer that the values come from, None where there is none.
        step: when that layer ran, for choosing the later of two.
        run: the affine layers since the last operation that is not affine.
    """

    unit_axis: int | None = None
    layer: str | None = None
    step: int = -1
    run: tuple[AffineLayer, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in the forward pass something happened: the module's path, and which step it was.

    Args:
        path: of the innermost module, "" for the model itself.
        is_activation: whether that module is an activation and nothing else, so that its name is the call's.
        step: the operation's number.
    """

    path: str
    is_activation: bool
    step: int

    def label(self, kind: str) -> str:
        """Return the name of a call of this kind here."""
        if self.is_activation:
            return self.path
        return f"{self.path}.{kind}" if self.path else kind


@dataclass(slots=True, kw_only=True, eq=False)
class Candidate:
    """A call of an activation that may turn out to be a part of another one.

    Args:
        function: what was called.
        pre: the pre-activation.
        weak: whether it counts only right behind an affine layer (abs may be part of a norm).
        slopes: the slopes of a PReLU for negative values, by unit.
        unit_axis: of the units, where the function itself says it (softmax).
    """

    function: Function
    pre: Value
    weak: bool = False
    slopes: torch.Tensor | None = None
    unit_axis: int | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Lineage:
    """What is known of one tensor.

    Args:
        origin: its layer and its axis.
        place: where it was made.
        usage: how often it is used.
        value: what it holds, as long as anything needs that.
        fate: what becomes of it.
        compared: of a mask, the usage of the tensor that it compares.
    """

    origin: Origin
    place: Place
    usage: Usage = field(default_factory=Usage)
    value: weakref.ref[Value] | None = None
    fate: Fate = field(default_factory=Fate)
    compared: Usage | None = None


class Lineages:
    """The lineage of every tensor that comes from the input, without keeping a tensor alive."""

    def __init__(self) -> None:
        """Begin with no tensors."""
        self._table = WeakTensorKeyDictionary()
        self._values: weakref.WeakSet[Value] = weakref.WeakSet()

    def get(self, tensor: torch.Tensor) -> Lineage | None:
        """Return a tensor's lineage, None for one that does not come from the input."""
        found: Lineage | None = self._table.get(tensor)
        return found

    def put(self, tensor: torch.Tensor, lineage: Lineage) -> None:
        """Set a tensor's lineage; after it was overwritten, a new one."""
        self._table[tensor] = lineage

    def value(self, tensor: torch.Tensor) -> Value:
        """Return what a followed tensor holds now."""
        lineage = self.of(tensor)
        found = lineage.value() if lineage.value is not None else None
        if found is None:
            found = Value(tensor=tensor, origin=lineage.origin, place=lineage.place, fate=lineage.fate)
            lineage.value = weakref.ref(found)
            self._values.add(found)
        return found

    def of(self, tensor: torch.Tensor) -> Lineage:
        """Return the lineage of a tensor that is followed."""
        lineage = self.get(tensor)
        assert lineage is not None  # noqa: S101 - only followed tensors are asked for
        return lineage

    def forms(self, tensor: torch.Tensor) -> dict[Value, Form]:
        """Return a followed tensor in terms of earlier values and of itself."""
        value = self.value(tensor)
        if tensor.dtype.is_floating_point:
            return {**value.forms, value: Variable()}
        return dict(value.forms)

    def protect(self, tensor: torch.Tensor) -> None:
        """Copy every value that still matters and shares memory with a tensor about to be overwritten."""
        for value in list(self._values):
            if shares_memory(value.tensor, tensor):
                value.tensor = value.tensor.detach().clone()


def shares_memory(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Return whether two tensors have the same storage."""
    if a.layout != torch.strided or b.layout != torch.strided:
        return a is b
    return bool(a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr())
