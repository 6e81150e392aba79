"""From a PyTorch module to a `Network`, by way of its ONNX export."""

import contextlib
import io
import logging
import warnings
from typing import Any

import numpy as np

from nonlin.errors import InvalidInputError, MissingDependencyError, UnsupportedModelError, first_line
from nonlin.functions.kinks import jumps
from nonlin.networks.activation import Activation
from nonlin.networks.array import Array
from nonlin.networks.evaluation import evaluate
from nonlin.networks.finite import check_finite
from nonlin.networks.network import Network, Node
from nonlin.networks.onnx_reader import network_of

__all__ = ["read_torch"]

_ROUNDING = 1e-2
"""Of the largest output: far above what float32 loses in a network that works, far below what a wrong layer does."""


def read_torch(module: Any, example: Array | None, *, name: str = "") -> Network:
    """Return the network of a PyTorch module, its nodes named as the module's parts; the module is left as it was.

    Args:
        module: a `torch.nn.Module` with one input; a copy of it, in evaluation mode, is exported to ONNX in memory.
        example: a batch of at least one sample, shape (samples, …); it says what shape the input has.
        name: of the network; that of the module's class where it is left out.

    Raises:
        InvalidInputError: if there is no example, or a weight is NaN or infinite.
        MissingDependencyError: if the exporter's own dependency is not installed.
        UnsupportedModelError: if PyTorch cannot export the module.
    """
    if example is None:
        raise InvalidInputError(
            "expected an example of the input of a PyTorch module, got none; give example=array"
        )
    try:
        import onnxscript  # noqa: F401 - torch.onnx needs it, and its own message is a stack of three
    except ImportError as error:
        raise MissingDependencyError(
            "reading a PyTorch module needs onnxscript: pip install 'nonlin[torch]'"
        ) from error
    from nonlin.networks.torch_copy import kept_random_states
    from nonlin.networks.torch_weights import nonfinite_weights

    while hasattr(module, "_orig_mod"):  # a compiled one
        module = module._orig_mod  # noqa: SLF001 - torch has no other name for it
    name = name or type(module).__name__
    check_finite(nonfinite_weights(module), name)
    with kept_random_states():
        return _read(module, example, name)


def _read(module: Any, example: Array, name: str) -> Network:
    import torch

    from nonlin.networks.torch_copy import copied
    from nonlin.networks.torch_names import name_by_modules, number_repeats

    try:
        frozen = copied(module).eval().cpu()
        two = torch.as_tensor(np.concatenate([example[:1], example[:1]]))
        parameter = next((p for p in frozen.parameters() if p.is_floating_point()), None)
        if parameter is not None and two.is_floating_point():
            two = two.to(parameter.dtype)
        exported = _export(frozen, two)
    except Exception as error:  # the copying and the exporter raise anything
        raise UnsupportedModelError(
            f"PyTorch cannot export {name} as a graph ({_reason(error)}); rewrite that part, or give an ONNX file"
        ) from error
    model = exported.model_proto
    name_by_modules(model, frozen)
    network = network_of(model, name=name)
    number_repeats(model)  # not before: a constant that is no node of the network takes no number from one
    _check_same(network, frozen, two, name)
    return network


def _export(module: Any, batch: Any) -> Any:
    import torch

    with _quiet():
        samples = torch.export.Dim("batch")
        exported = torch.onnx.export(
            module, (batch,), dynamo=True, dynamic_shapes=({0: samples},), verbose=False, optimize=False
        )
        assert exported is not None  # noqa: S101 - so it is without a file name
        _optimize(exported)
    return exported


def _optimize(exported: Any) -> None:
    """Optimize an exported graph, but leave BatchNorm alone, which PyTorch merges in float32 into what is before it."""
    norms = [node for node in exported.model.graph if node.op_type == "BatchNormalization"]
    for node in norms:
        node.domain = "kept"  # as an operator that the optimizer does not know
    exported.optimize()
    for node in norms:
        node.domain = ""


def _check_same(network: Network, module: Any, batch: Any, name: str) -> None:
    """Refuse an export that computes something else than the module; PyTorch drops some settings without a word.

    What jumps may jump elsewhere by rounding: such a network is not compared.
    """
    import torch

    if not network.piecewise_linear or len(network.inputs) != 1 or any(map(_jumps, network.nodes)):
        return
    # an example of zeros would not tell much
    size = max(1.0, float(batch.abs().max()))
    batch = (size * torch.sin(torch.arange(batch.numel()))).to(batch.dtype).reshape(batch.shape)
    with torch.no_grad():
        expected = module(batch)
    if not isinstance(expected, torch.Tensor):
        return
    wanted = expected.double().numpy()
    got = evaluate(network, {network.inputs[0].name: batch.double().numpy()})[0]
    size = float(np.abs(wanted).max(initial=0.0, where=np.isfinite(wanted)))
    if got.shape != wanted.shape or not np.allclose(
        got, wanted, rtol=0, atol=_ROUNDING * size, equal_nan=True
    ):
        raise UnsupportedModelError(
            f"PyTorch exports {name} as a graph that computes something else than the module does; "
            "some setting has no counterpart in ONNX, such as divisor_override of AvgPool2d: replace that layer"
        )


def _jumps(node: Node) -> bool:
    operator = node.operator
    return isinstance(operator, Activation) and bool(
        operator.function.expression and jumps(operator.function.expression)
    )


def _reason(error: BaseException) -> str:
    """Return the first line of what stopped the exporter, which itself says only at which of its steps."""
    while error.__cause__ is not None:
        error = error.__cause__
    return first_line(error)


@contextlib.contextmanager
def _quiet() -> Any:
    """Keep the exporter's own progress, warnings, log and listings of graphs from the user's terminal."""
    level = logging.root.manager.disable
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(level)
