"""Operators for ONNX's reference evaluator: its windows take minutes where these take seconds.

Its BatchNormalization before opset 14 takes the batch's own statistics wherever a momentum is written, also at
inference.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx.reference.op_run import OpRun

from nonlin.errors import UnsupportedModelError
from nonlin.networks.array import Array
from nonlin.networks.onnx_windows import convolution, max_pool

__all__ = ["WINDOWS"]


class Conv(OpRun):  # type: ignore[misc] # onnx is not followed, so its type is Any
    """Convolution."""

    def _run(self, x: Array, weight: Array, bias: Array | None = None, **given: Any) -> tuple[Array]:
        made = convolution(self.onnx_node, _attributes(given), x.shape, (weight, bias))
        return _applied(made, x)


class MaxPool(OpRun):  # type: ignore[misc] # as above
    """The largest of each window, without indices."""

    def _run(self, x: Array, **given: Any) -> tuple[Array]:
        return _applied(max_pool(self.onnx_node, _attributes(given), x.shape), x)


class BatchNormalization(OpRun):  # type: ignore[misc] # as above
    """BatchNormalization at inference."""

    def _run(self, x: Array, *stored: Array, **given: Any) -> tuple[Array]:
        if given.get("training_mode"):
            raise UnsupportedModelError(
                "expected a network in evaluation mode, got BatchNormalization in training mode"
            )
        scale, shift, mean, variance = (v.reshape(-1, *[1] * (x.ndim - 2)) for v in stored)
        epsilon = given.get("epsilon")
        return (scale * (x - mean) / np.sqrt(variance + (1e-5 if epsilon is None else epsilon)) + shift,)


def _attributes(given: Mapping[str, Any]) -> dict[str, Any]:
    known = {name: value for name, value in given.items() if value is not None}
    if isinstance(known.get("auto_pad"), str):
        known["auto_pad"] = known["auto_pad"].encode()
    return known


def _applied(made: tuple[tuple[Any, ...], tuple[str, ...]] | None, x: Array) -> tuple[Array]:
    if made is None:
        raise UnsupportedModelError(
            "expected windows whose padding is known, got others; give an input of another size"
        )
    return (made[0][0].apply(x),)


WINDOWS = [BatchNormalization, Conv, MaxPool]
