"""Running an ONNX network so that its tensors are seen: in NumPy where it is understood, else in ONNX Runtime."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from nonlin.errors import InvalidInputError, MissingDependencyError
from nonlin.networks import Network, trace

__all__ = ["Runner", "numpy_runner", "runtime_runner"]

Array = npt.NDArray[Any]
Runner = Callable[[Mapping[str, Array]], dict[str, Array]]
"""Feeds a batch and returns every tensor that was asked for, by name."""


def numpy_runner(network: Network) -> Runner:
    """Return a runner for a network without opaque operators."""

    def run(feeds: Mapping[str, Array]) -> dict[str, Array]:
        try:
            return trace(network, feeds)
        except ValueError as error:
            raise _misfit(network, feeds, error) from error

    return run


def runtime_runner(model: onnx.ModelProto, network: Network, names: Iterable[str]) -> Runner:
    """Return a runner for any network that ONNX Runtime runs.

    Args:
        model: the model; it is not changed.
        network: what nonlin read of it.
        names: the tensors to return; those that the model does not have are left out.

    Raises:
        MissingDependencyError: if ONNX Runtime is not installed.
        InvalidInputError: if it refuses the model.
    """
    try:
        import onnxruntime
    except ImportError as error:
        node = network.opaque[0]
        operators = sorted({getattr(n.operator, "operator", "?") for n in network.opaque})
        raise MissingDependencyError(
            f"{network.name} uses operators that only ONNX Runtime can run ({', '.join(operators)}; the first is node "
            f"'{node.name}'); install it: pip install 'nonlin[onnxruntime]'"
        ) from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    exposed = _exposing(model, names)
    try:
        session = onnxruntime.InferenceSession(
            exposed.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # ONNX Runtime's exceptions have no common base
        reason = str(error).splitlines()[0]
        raise InvalidInputError(f"ONNX Runtime refuses {network.name}: {reason}; export it again") from error
    wanted = [value.name for value in exposed.graph.output]

    def run(feeds: Mapping[str, Array]) -> dict[str, Array]:
        try:
            results = session.run(wanted, dict(feeds))
        except Exception as error:  # as above
            raise _misfit(network, feeds, error) from error
        return dict(zip(wanted, results, strict=True)) | dict(feeds)

    return run


def _exposing(model: onnx.ModelProto, names: Iterable[str]) -> onnx.ModelProto:
    exposed = onnx.ModelProto()
    exposed.CopyFrom(model)
    there = {value.name for value in exposed.graph.output}
    made = {name for node in exposed.graph.node for name in node.output}
    for name in dict.fromkeys(names):
        if name in made and name not in there:
            exposed.graph.output.append(onnx.ValueInfoProto(name=name))
    return exposed


def _misfit(network: Network, feeds: Mapping[str, Array], error: Exception) -> InvalidInputError:
    expected = "; ".join(str(tensor) for tensor in network.inputs)
    got = "; ".join(f"{name} {np.shape(array)} {array.dtype}" for name, array in feeds.items())
    reason = str(error).splitlines()[0]
    return InvalidInputError(
        f"{network.name} cannot be run on this data: it expects {expected}, and got {got} ({reason}); "
        "give data of that shape"
    )
