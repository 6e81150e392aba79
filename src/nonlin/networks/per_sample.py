"""A network as a map of one sample, that any number of samples can be put through side by side.

Files are exported for a batch of any length, for one sample, with the batch axis dropped on the way, or without any.
Here each becomes the same: every tensor has the samples along its first axis, and no operator mixes them.
"""

from dataclasses import dataclass, replace

import numpy as np

from nonlin.errors import UnsupportedModelError
from nonlin.networks.activation import Activation, ParametricRelu
from nonlin.networks.affine import Dense, Elementwise, Reduce, Sum
from nonlin.networks.network import Network, Node, Operator
from nonlin.networks.samples import keeps_samples
from nonlin.networks.shape import Cast, Concatenate, Identity, Pad, Reshape, Slice, Take, Transpose
from nonlin.networks.window import Convolution

__all__ = ["per_sample"]

Shape = tuple[int, ...]


def per_sample(network: Network, shape: Shape) -> Network:
    """Return a network that makes of each sample of a batch what the given one makes of that sample alone.

    What leads to no output is left out. A network that fits already keeps its operators.

    Args:
        network: with one input and without opaque operators.
        shape: of one sample; the whole input's where that has no batch axis.

    Raises:
        UnsupportedModelError: if an operator does not fit a single sample, or mixes samples; its node is named.
    """
    declared = network.inputs[0].shape
    batch = declared[0] if len(declared) == len(shape) + 1 else None
    bare = len(declared) == len(shape)
    lifting = _Lifting(
        nodes=[],
        shapes={network.inputs[0].name: shape if bare else (batch or 1, *shape)},
        batch=1 if bare else batch or 1,
        alone=bare or batch == 1,
    )
    for node in _needed(network):
        lifting.take(node)
    lifting.check((network.outputs[0].name,), "the output")
    first = replace(network.inputs[0], shape=(None, *shape))
    made = [tensor for tensor in network.outputs if tensor.name in lifting.shapes]
    outputs = tuple(replace(tensor, shape=(None, *lifting.each(tensor.name))) for tensor in made)
    return replace(network, inputs=(first,), outputs=outputs, nodes=tuple(lifting.nodes), origin=None)


def _needed(network: Network) -> list[Node]:
    """Return the nodes that lead to an output."""
    wanted, kept = {tensor.name for tensor in network.outputs}, []
    for node in reversed(network.nodes):
        if wanted.intersection((node.output, *node.extra_outputs)):
            wanted.update(node.inputs)
            kept.append(node)
    return kept[::-1]


@dataclass(slots=True, kw_only=True)
class _Lifting:
    """The nodes so far, and the shape that each tensor has as the network was exported.

    Args:
        nodes: with the samples along the first axis of everything.
        shapes: of the exported tensors, by name.
        batch: how many samples the network was exported for.
        alone: whether it takes one sample only, so that its first axis need not be a batch.
    """

    nodes: list[Node]
    shapes: dict[str, Shape]
    batch: int
    alone: bool

    def each(self, name: str) -> Shape:
        """Return what one sample of a lifted tensor looks like."""
        return self._each(self.shapes[name])

    def _each(self, shape: Shape) -> Shape:
        return shape[1:] if shape and shape[0] == self.batch else shape

    def check(self, names: tuple[str, ...], reader: str) -> None:
        """Refuse what reads a tensor that nothing makes."""
        missing = [name for name in names if name not in self.shapes]
        if missing:
            raise UnsupportedModelError(
                f"expected {reader} to read what the network computes from its input, got '{missing[0]}', which it "
                "does not; export the network again"
            )

    def take(self, node: Node) -> None:
        """Add what a node is for samples side by side."""
        self.check(node.inputs, f"node '{node.name}'")
        shapes = [self.shapes[name] for name in node.inputs]
        made = _made(node, shapes)
        self.shapes[node.output] = made
        if isinstance(node.operator, Reshape) and self._regroups(shapes[0], made):
            self.nodes.append(replace(node, operator=Reshape(shape=(-1, *self._each(made)))))
        elif all(x and x[0] == self.batch for x in shapes) and keeps_samples(node.operator, shapes, made):
            self.nodes.append(node)
        elif self.alone or (self.batch == 1 and not any(x and x[0] == 1 for x in shapes)):
            self._lift(node, shapes, made)
        else:
            raise self._mixes(node)

    def _regroups(self, before: Shape, made: Shape) -> bool:
        # for several samples, a reshape into another first axis is no matter of one sample
        return self.batch == 1 or made[:1] == before[:1] == (self.batch,)

    def _lift(self, node: Node, shapes: list[Shape], made: Shape) -> None:
        operator = _lifted(node.operator, len(shapes[0]))
        if operator is None or not _fits(node.operator, shapes, made):
            raise self._mixes(node)
        ndim = max(map(len, shapes))
        names = []
        for name, shape in zip(node.inputs, shapes, strict=True):
            whole = (1,) * (ndim - len(shape)) + shape if isinstance(operator, Sum) else shape
            names.append(self._reshaped(name, f"{node.name}: {name}", self._each(shape), whole))
        self._add(replace(node, operator=operator, inputs=tuple(names)), made)

    def _reshaped(self, name: str, called: str, before: Shape, after: Shape) -> str:
        if before == after:
            return name
        self.nodes.append(Node(name=called, operator=_shaped(after), inputs=(name,), output=called))
        return called

    def _add(self, node: Node, made: Shape) -> None:
        if self._each(made) == made:
            self.nodes.append(node)
            return
        whole = f"{node.output}: whole"
        self.nodes.append(replace(node, output=whole))
        last = Node(
            name=f"{node.output}: each",
            operator=_shaped(self._each(made)),
            inputs=(whole,),
            output=node.output,
        )
        self.nodes.append(last)

    def _mixes(self, node: Node) -> UnsupportedModelError:
        return UnsupportedModelError(
            f"expected a network with a batch axis in front, but node '{node.name}' mixes or drops it, so that its "
            "samples are not independent; export the network with a batch axis of any length"
        )


def _shaped(each: Shape) -> Reshape:
    return Reshape(shape=(-1, *each))


def _made(node: Node, shapes: list[Shape]) -> Shape:
    """Return the shape of what a node makes, by making it of zeros where no rule is at hand."""
    operator = node.operator
    try:
        if isinstance(operator, Dense) and shapes[0][-1:] == operator.weight.shape[1:]:
            return (*shapes[0][:-1], operator.weight.shape[0])
        if isinstance(operator, Convolution):
            return _convolved(operator, shapes[0])
        with np.errstate(all="ignore"):
            zeros = [np.broadcast_to(np.zeros(()), shape) for shape in shapes]
            return tuple(operator.apply(*zeros).shape)
    except (ValueError, IndexError) as error:
        got = ", ".join(map(str, shapes))
        raise UnsupportedModelError(
            f"expected a network that takes one sample, but node '{node.name}' ({type(operator).__name__}) does not "
            f"fit what reaches it, {got}; give samples of the shape that it was exported for"
        ) from error


def _convolved(operator: Convolution, shape: Shape) -> Shape:
    if len(shape) != len(operator.window.size) + 2 or shape[1] != operator.weight.shape[1] * operator.groups:
        raise ValueError(shape)
    one = np.broadcast_to(np.zeros(()), (shape[0], 1, *shape[2:]))
    views = operator.window.views(operator.window.padded(one, 0.0))
    return (shape[0], len(operator.weight), *views.shape[2 : 2 + len(operator.window.size)])


def _fits(operator: Operator, shapes: list[Shape], made: Shape) -> bool:
    """Return whether stored numbers broadcast to a sample as they did to what the file has."""
    if isinstance(operator, Elementwise):
        return len(made) == len(shapes[0])
    if isinstance(operator, Dense):
        return bool(shapes[0])
    if isinstance(operator, ParametricRelu):
        return operator.slopes.ndim <= len(shapes[0])
    return True


def _lifted(operator: Operator, ndim: int) -> Operator | None:
    """Return an operator on tensors of one more axis in front; None where there is none."""
    if isinstance(operator, Activation | ParametricRelu | Cast | Dense | Elementwise | Identity | Sum):
        return operator
    if isinstance(operator, Concatenate):
        return Concatenate(axis=operator.axis % ndim + 1)
    if isinstance(operator, Pad):
        return replace(operator, widths=((0, 0), *operator.widths))
    if isinstance(operator, Reduce):
        return replace(operator, axes=tuple(axis % ndim + 1 for axis in operator.axes))
    if isinstance(operator, Slice):
        return Slice(ranges=tuple((axis % ndim + 1, a, b, step) for axis, a, b, step in operator.ranges))
    if isinstance(operator, Take):
        return replace(operator, axis=operator.axis % ndim + 1)
    if isinstance(operator, Transpose):
        return Transpose(permutation=(0, *(axis + 1 for axis in operator.axes(ndim))))
    return None
