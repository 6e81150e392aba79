"""A counterexample in ONNX Runtime, which computes in the model's own precision and order."""

from fractions import Fraction
from pathlib import Path

import numpy as np

from nonlin.geometry.verification.vnnlib import Condition
from nonlin.networks.array import Array

__all__ = ["met_in_runtime"]


def met_in_runtime(model: Path, point: Array, conditions: tuple[Condition, ...]) -> bool | None:
    """Return whether every condition is met by what the runtime makes of a point; None where it is not installed.

    Args:
        model: an ONNX file with one input.
        point: one sample, without the batch axis; rounded to the model's own type.
        conditions: over the point and the flattened first output.
    """
    try:
        import onnxruntime
    except ImportError:
        return None
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    tensor = session.get_inputs()[0]
    dtype = np.float64 if tensor.type == "tensor(double)" else np.float32
    made = np.ravel(session.run(None, {tensor.name: point[None].astype(dtype)})[0])
    values = {"X": np.ravel(point.astype(dtype)), "Y": made}
    return all(
        sum(factor * Fraction(float(values[letter][i])) for (letter, i), factor in c.terms) + c.constant <= 0
        for c in conditions
    )
