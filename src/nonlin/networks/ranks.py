"""How many axes each tensor of a network has, as far as that is known."""

from onnx import shape_inference

from nonlin.networks.activation import Divide, MatrixProduct, Multiply, ParametricRelu
from nonlin.networks.affine import Elementwise, Reduce, Sum
from nonlin.networks.network import Network, Node
from nonlin.networks.shape import Reshape, Take

__all__ = ["ranks_of", "shapes_of"]

_TOGETHER = (Divide, MatrixProduct, Multiply, Sum)


def ranks_of(network: Network) -> dict[str, int]:
    """Return the number of axes of each tensor whose number is known, by name."""
    ranks = {name: len(shape) for name, shape in shapes_of(network).items()}
    ranks |= {tensor.name: len(tensor.shape) for tensor in network.inputs}
    for node in network.nodes:
        made = None if any(name not in ranks for name in node.inputs) else _rank(node, ranks)
        if made is not None:
            ranks[node.output] = made
    return ranks


def shapes_of(network: Network) -> dict[str, tuple[int | None, ...]]:
    """Return the shapes that ONNX infers in the file that a network was read from, by the name of the tensor."""
    if network.origin is None:
        return {}
    try:
        graph = shape_inference.infer_shapes(network.origin.model, data_prop=True).graph
    except (shape_inference.InferenceError, ValueError):
        graph = network.origin.model.graph
    known = (*graph.input, *graph.value_info, *graph.output)
    return {
        value.name: tuple(d.dim_value if d.dim_value > 0 else None for d in value.type.tensor_type.shape.dim)
        for value in known
        if value.type.tensor_type.HasField("shape")
    }


def _rank(node: Node, ranks: dict[str, int]) -> int | None:
    operator, given = node.operator, [ranks[name] for name in node.inputs]
    if operator.kind == "opaque" or not given:
        return None
    if isinstance(operator, Reshape):
        return len(operator.shape)
    if isinstance(operator, Reduce):
        return given[0] if operator.keepdims else given[0] - len(operator.axes)
    if isinstance(operator, Take):
        return given[0] - 1 + int(operator.indices.ndim)
    if isinstance(operator, Elementwise):
        return max(given[0], operator.scale.ndim, operator.shift.ndim)
    if isinstance(operator, ParametricRelu):
        return max(given[0], operator.slopes.ndim)
    return max(given) if isinstance(operator, _TOGETHER) else given[0]
