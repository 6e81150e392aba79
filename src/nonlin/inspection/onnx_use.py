"""An ONNX network made ready for the data at hand: specialised, with its shapes and how many samples it takes."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from nonlin.errors import InvalidInputError, NonlinError, UnsupportedModelError
from nonlin.inspection.feeding import at_once, in_pieces, whole_inputs
from nonlin.inspection.onnx_calls import measured
from nonlin.inspection.runners import Runner, numpy_runner, runtime_runner
from nonlin.inspection.specialise import Conditions, specialised, with_shapes
from nonlin.networks import Network, Tensor, network_of
from nonlin.networks.activation import Opaque

__all__ = ["Use", "batched", "prepare"]

Array = npt.NDArray[Any]
Values = dict[str, Array]

_BYTES_AT_ONCE = 2**28

_UNCUT = 2**62
"""A state holds for the batch as it was given; cut, a sequence would begin anew with every piece."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A network made ready for the data at hand.

    Args:
        network: specialised.
        shapes: of every tensor, as a first piece showed.
        runner: returns the tensors that are measured.
        size: how many samples to run at once; a multiple of `multiple`, which the network wants.
        constants, conditions: what of the first batch was put into the network, and must hold for the others.
    """

    network: Network
    shapes: dict[str, tuple[int, ...]]
    runner: Runner
    size: int
    multiple: int
    constants: dict[str, Array]
    conditions: Conditions

    def run(self, piece: Mapping[str, Array]) -> Values:
        """Run a piece, and refuse one that would take another way through the graph."""
        values = self.runner({name: a for name, a in piece.items() if name not in self.constants})
        changed = [name for name, value in self.constants.items() if not np.array_equal(piece[name], value)]
        changed += [name for name, value in self.conditions.items() if bool(np.all(values[name])) != value]
        if changed:
            raise InvalidInputError(
                f"expected all data to take the same way through {self.network.name}, but '{changed[0]}' is not what "
                "it was in the first batch; inspect each kind of data by itself"
            )
        return values


def prepare(
    model: onnx.ModelProto, declared: tuple[Tensor, ...], inputs: Mapping[str, Array], samples: int, name: str
) -> Use:
    """Specialise the network, and run the fewest samples that it takes to learn every shape."""
    whole = whole_inputs(declared, inputs, samples)
    fixed = at_once(tuple(tensor for tensor in declared if tensor.name not in whole))
    piece, count = next(in_pieces(inputs, samples, fixed or 1, whole=whole))
    constants = {key: array for key, array in piece.items() if array.ndim == 0}
    fed = {key: array for key, array in piece.items() if key not in constants}

    def evaluate(part: onnx.ModelProto, names: list[str]) -> Values:
        return runtime_runner(part, network_of(part, name=name), names)(fed)

    plain, conditions = specialised(model, piece, evaluate)
    network = network_of(plain, name=name)
    _refuse_training(network)
    every = [key for node in network.nodes for key in (*node.inputs, node.output)]
    raw = _runner(plain, network, every)(fed)
    values = batched(raw, count)
    stated = any(inputs[key].ndim for key in whole)
    twice = {} if fixed else _run_twice(plain, network, fed, whole)
    alone = (fixed or 1) > 1 or (stated and not twice)
    if network.opaque:
        network = network_of(with_shapes(plain, raw, twice), name=name)
    alone = alone or not (stated or _takes_batches(network, inputs, exported_for=fixed))
    each = sum(value.nbytes for value in values.values()) / count
    return Use(
        network=network,
        shapes={key: value.shape for key, value in values.items()},
        runner=_runner(plain, network, [*measured(network), *conditions]),
        size=(fixed or 1) if alone else _UNCUT if stated else max(1, int(_BYTES_AT_ONCE / max(each, 1))),
        multiple=fixed if alone and fixed is not None else 1,
        constants=constants,
        conditions=conditions,
    )


def _refuse_training(network: Network) -> None:
    """Refuse a network that would drop values at random."""
    for node in network.opaque:
        if isinstance(node.operator, Opaque) and node.operator.operator == "Dropout":
            raise UnsupportedModelError(
                f"expected a network in evaluation mode, but node '{node.name}' of {network.name} is a Dropout in "
                "training mode; export the model again after model.eval()"
            )


def _run_twice(
    model: onnx.ModelProto, network: Network, fed: Mapping[str, Array], whole: Collection[str]
) -> Values:
    """Run the same sample twice at once, to see which axes hold the samples; nothing where the model refuses."""
    every = [key for node in network.nodes for key in (*node.inputs, node.output)]
    doubled = {name: a if name in whole else np.concatenate([a, a]) for name, a in fed.items()}
    try:
        return _runner(model, network, every)(doubled)
    except InvalidInputError:
        return {}


def _runner(model: onnx.ModelProto, network: Network, names: Iterable[str]) -> Runner:
    return runtime_runner(model, network, names) if network.opaque else numpy_runner(network)


def _takes_batches(network: Network, inputs: Mapping[str, Array], *, exported_for: int | None) -> bool:
    """Whether a network gives the same for two samples at once as for each alone; some forget the batch on the way."""
    if network.opaque:
        return exported_for is None
    run = numpy_runner(network)
    output = network.outputs[0].name
    try:
        both = run({name: a[:2] for name, a in inputs.items()})[output]
        alone = [run({name: a[i : i + 1] for name, a in inputs.items()})[output] for i in range(2)]
    except (NonlinError, ValueError, IndexError):
        return False
    joined = np.concatenate(alone) if alone[0].ndim == both.ndim else np.zeros(0)
    return both.shape == joined.shape and bool(
        np.allclose(both, joined, rtol=1e-4, atol=1e-5, equal_nan=True)
    )


def batched(values: Values, samples: int) -> Values:
    """Give every tensor of a network that has no batch axis one."""
    if samples != 1:
        return values
    return {name: v if v.ndim and len(v) == 1 else v[None] for name, v in values.items()}
