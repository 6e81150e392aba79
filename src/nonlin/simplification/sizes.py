"""How large and how fast a model is."""

import time
from collections.abc import Mapping, Sequence

import numpy as np
import onnx

from nonlin.networks import Network
from nonlin.networks.affine import Dense
from nonlin.networks.array import Array
from nonlin.networks.onnx_file import tensors_of
from nonlin.networks.window import Convolution
from nonlin.simplification.result import Size

__all__ = ["seconds_of", "size_of"]

_FLOATS = (1, 10, 11, 16)
_TIME = 0.1
"""Seconds spent on each model."""


def size_of(network: Network, model: onnx.ModelProto, seconds: float | None) -> Size:
    """Return the size of a network as it would be written."""
    weights = (t for t in tensors_of(model.graph) if t.data_type in _FLOATS and len(t.dims) > 0)
    layers = [n.operator for n in network.nodes if isinstance(n.operator, Dense | Convolution)]
    return Size(
        parameters=sum(int(np.prod(t.dims)) for t in weights),
        operations=len(model.graph.node),
        units=sum(len(layer.weight) for layer in layers),
        bytes=model.ByteSize(),
        seconds=seconds,
    )


def seconds_of(models: Sequence[onnx.ModelProto], feed: Mapping[str, Array]) -> tuple[float | None, ...]:
    """Return the shortest of several runs of each model in ONNX Runtime, on one thread, in turns.

    None stands for each where ONNX Runtime is not installed, or does not take one of them.
    """
    nothing = (None,) * len(models)
    try:
        import onnxruntime
    except ImportError:
        return nothing
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        sessions = [
            onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
            for model in models
        ]
    except Exception:  # noqa: BLE001 - its errors have no common base; ONNX's reference has run these models
        return nothing
    best = [float("inf")] * len(sessions)
    end = time.perf_counter() + _TIME * len(sessions)
    while time.perf_counter() < end or np.isinf(best[-1]):
        for i, session in enumerate(sessions):
            start = time.perf_counter()
            session.run(None, dict(feed))
            best[i] = min(best[i], time.perf_counter() - start)
    return tuple(best)
