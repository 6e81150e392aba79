"""A network, whichever framework it came from: operators on named tensors, in an order in which they can run."""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from nonlin.networks.activation import (
    Activation,
    Divide,
    MatrixProduct,
    Multiply,
    Opaque,
    ParametricRelu,
    Select,
    Softmax,
)
from nonlin.networks.affine import Dense, Elementwise, Reduce, Sum
from nonlin.networks.normalization import Normalize
from nonlin.networks.shape import Cast, Concatenate, Identity, Pad, Reshape, Slice, Take, Transpose
from nonlin.networks.window import AveragePool, Convolution, MaxPool

__all__ = ["Network", "Node", "Operator", "Origin", "Tensor"]


Operator: TypeAlias = (
    Activation
    | AveragePool
    | Cast
    | Concatenate
    | Convolution
    | Dense
    | Divide
    | Elementwise
    | Identity
    | MatrixProduct
    | MaxPool
    | Multiply
    | Normalize
    | Opaque
    | Pad
    | ParametricRelu
    | Reduce
    | Reshape
    | Select
    | Slice
    | Softmax
    | Sum
    | Take
    | Transpose
)
"""What a node does to its inputs. Each has a `kind` ("affine", "piecewise linear", "nonlinear", "product" or "opaque"),
applies itself to a batch, and pulls a cotangent back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """An input or output of a network.

    Args:
        name: its name.
        shape: None for an axis of any length, the batch axis among them.
        dtype: the element type, as NumPy names it.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str

    def __str__(self) -> str:
        sizes = ", ".join("any" if n is None else str(n) for n in self.shape)
        return f"{self.name} ({sizes}) {self.dtype}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Node:
    """One operator in its place.

    Args:
        name: unique in the network.
        operator: what it does.
        inputs: the names of the tensors it reads; constants are inside the operator.
        output: the name of the tensor it makes; an opaque operator's other outputs stand in `extra_outputs`.
    """

    name: str
    operator: Operator
    inputs: tuple[str, ...]
    output: str
    extra_outputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Origin:
    """Where a network was read from, so that what is not changed can be written back as it was.

    Args:
        model: the `onnx.ModelProto`; not to be changed.
        nodes: what was read of it.
    """

    model: Any
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Network:
    """A network as a graph; immutable.

    Args:
        name: what it is called, in words.
        inputs: what must be fed.
        outputs: what comes out.
        nodes: in an order in which they can run.
        parameters: the number of stored weights.
        origin: what it was read from; None for a network that was made.
    """

    name: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    nodes: tuple[Node, ...]
    parameters: int
    origin: Origin | None = field(default=None, repr=False)

    @property
    def opaque(self) -> tuple[Node, ...]:
        """The nodes that nonlin does not understand."""
        return tuple(node for node in self.nodes if node.operator.kind == "opaque")

    @property
    def piecewise_linear(self) -> bool:
        """Whether the network is made of affine pieces."""
        return all(node.operator.kind in ("affine", "piecewise linear") for node in self.nodes)

    def producers(self) -> dict[str, Node]:
        """Return the node that makes each tensor."""
        return {name: node for node in self.nodes for name in (node.output, *node.extra_outputs)}

    def consumers(self) -> dict[str, tuple[Node, ...]]:
        """Return the nodes that read each tensor."""
        table: dict[str, tuple[Node, ...]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                table[name] = (*table.get(name, ()), node)
        return table
