"""How calls of activation functions are written as ONNX nodes."""

from nonlin.errors import UnsupportedModelError
from nonlin.functions import Function
from nonlin.networks.activation import Activation, ParametricRelu, Select, Softmax
from nonlin.networks.network import Node
from nonlin.networks.onnx_emission import Emission
from nonlin.networks.onnx_expression import emit_expression

__all__ = ["activation", "parametric_relu", "select", "softmax"]

_PARAMETERS: dict[str, tuple[str, dict[str, str]]] = {
    "abs": ("Abs", {}),
    "celu": ("Celu", {"alpha": "alpha"}),
    "elu": ("Elu", {"alpha": "alpha"}),
    "gelu": ("Gelu", {}),
    "hardsigmoid_affine": ("HardSigmoid", {"alpha": "alpha", "beta": "beta"}),
    "hardswish": ("HardSwish", {}),
    "identity": ("Identity", {}),
    "leaky_relu": ("LeakyRelu", {"negative_slope": "alpha"}),
    "mish": ("Mish", {}),
    "prelu": ("LeakyRelu", {"weight": "alpha"}),
    "relu": ("Relu", {}),
    "selu": ("Selu", {"alpha": "alpha", "scale": "gamma"}),
    "sigmoid": ("Sigmoid", {}),
    "softsign": ("Softsign", {}),
    "tanh": ("Tanh", {}),
}
"""The operators of ONNX that are functions of the catalogue, and their names for the parameters."""
_NUMBERS: dict[str, tuple[str, dict[str, float | str]]] = {
    "gelu_tanh": ("Gelu", {"approximate": "tanh"}),
    "hardsigmoid": ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}),
}


def activation(node: Node, emission: Emission) -> None:
    """Write a call as ONNX's operator for it, if the file's opset has one, else by its definition.

    Raises:
        UnsupportedModelError: if its definition has a primitive with no counterpart in ONNX; it is named.
    """
    operator = node.operator
    assert isinstance(operator, Activation)  # noqa: S101 - by the table
    function, x, out = operator.function, node.inputs[0], node.output
    found = _operator(function)
    if found is not None and emission.has(found[0]):
        emission.add(found[0], [x], out, **found[1])
    elif function.name in ("relu6", "relun", "hardtanh") and emission.has("Clip"):
        ends = {
            "low": function.parameters.get("min_val", 0.0),
            "high": function.parameters.get("max_val", function.parameters.get("n", 6.0)),
        }
        emission.add(
            "Clip", [x, *(emission.store(f"{out}/{end}", value) for end, value in ends.items())], out
        )
    elif function.expression is not None:
        emit_expression(function.expression, x, out, emission)
    else:
        raise UnsupportedModelError(
            f"node '{node.name}' calls {function.label}, which is no operator of ONNX; write its network from the "
            "file that it was read from"
        )


def _operator(function: Function) -> tuple[str, dict[str, float | str]] | None:
    if function.name in _NUMBERS:
        return _NUMBERS[function.name]
    if function.name not in _PARAMETERS:
        return None
    name, renamed = _PARAMETERS[function.name]
    return name, {theirs: float(function.parameters[ours]) for ours, theirs in renamed.items()}


def parametric_relu(node: Node, emission: Emission) -> None:
    """Write PRelu."""
    operator = node.operator
    assert isinstance(operator, ParametricRelu)  # noqa: S101 - by the table
    emission.add(
        "PRelu", [node.inputs[0], emission.store(f"{node.output}/slopes", operator.slopes)], node.output
    )


def softmax(node: Node, emission: Emission) -> None:
    """Write Softmax, LogSoftmax."""
    operator = node.operator
    assert isinstance(operator, Softmax)  # noqa: S101 - by the table
    name = "LogSoftmax" if operator.logarithm else "Softmax"
    emission.add(name, list(node.inputs), node.output, axis=operator.axis)


def select(node: Node, emission: Emission) -> None:
    """Write a comparison with a number, and Where."""
    operator, out = node.operator, node.output
    assert isinstance(operator, Select)  # noqa: S101 - by the table
    given = iter(node.inputs[1:])
    sides = [
        next(given) if value is None else emission.store(f"{out}/{name}", value)
        for name, value in (("above", operator.above), ("below", operator.below))
    ]
    threshold = emission.store(f"{out}/threshold", operator.threshold)
    comparison = "GreaterOrEqual" if operator.equal else "Greater"
    above = emission.add(comparison, [node.inputs[0], threshold], f"{out}/condition")
    emission.add("Where", [above, *sides], out)
