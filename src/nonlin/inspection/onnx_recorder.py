"""Recording an ONNX network in use."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from nonlin.errors import InvalidInputError
from nonlin.inspection.accumulation import CallGathering
from nonlin.inspection.ending import final_call
from nonlin.inspection.feeding import at_once, feeds, in_pieces, whole_inputs
from nonlin.inspection.gradients import DIRECTION, DIRECTION_OF_LOGITS, LOSS, direction, loss_gradient
from nonlin.inspection.guards import guards
from nonlin.inspection.layers import affine_chains, origins, roles
from nonlin.inspection.recording import Batch, CallSite, Progress, Recording, Role
from nonlin.inspection.runners import Runner, numpy_runner, runtime_runner
from nonlin.inspection.specialise import Conditions, specialised, with_shapes
from nonlin.networks import Network, Node, Tensor, network_of, pullback
from nonlin.networks.activation import Activation, Opaque, ParametricRelu, Softmax
from nonlin.networks.onnx_reader import inputs_of
from nonlin.networks.recurrent import Recurrence

__all__ = ["record"]

Array = npt.NDArray[Any]
Values = dict[str, Array]

_BYTES_AT_ONCE = 2**28
_UNCUT = (
    2**62
)  # a state holds for the batch as it was given; cut, a sequence would begin anew with every piece

_WITH_ACTIVATIONS_INSIDE = (
    *(
        "LSTM",
        "GRU",
        "RNN",
        "Loop",
        "Scan",
        "If",
        "Attention",
        "MultiHeadAttention",
        "FusedConv",
        "FusedGemm",
    ),
    *("BiasGelu", "FastGelu", "QuickGelu", "QGemm", "EmbedLayerNormalization", "GroupQueryAttention"),
)
"""ONNX operators, and some of ONNX Runtime's own, that apply an activation to something which no tensor shows."""

_OF_FUNCTIONS = ("exp(x)", "erf(x)")
"""Steps of activations that an exporter took apart; one that is left belongs to a function that was not recognised."""


def record(
    model: onnx.ModelProto, batches: Iterable[Batch], *, name: str, progress: Progress | None = None
) -> Recording:
    """Run an ONNX model on batches and measure every call of an activation.

    Args:
        model: the model with its weights, from `open_onnx`; it is not changed.
        batches: the data.
        name: what to call the model.
        progress: told after each piece of a batch.

    Raises:
        InvalidInputError: if the data does not fit the model.
        MissingDependencyError: if the model needs ONNX Runtime and it is not installed.
    """
    declared = inputs_of(model)
    use: _Use | None = None
    state: _Gathered | None = None
    for batch in batches:
        inputs = feeds(declared, batch)
        if use is None or state is None:
            use = _prepare(model, declared, inputs, batch.size, name)
            state = _Gathered(network=use.network, shapes=use.shapes)
        if batch.size % use.multiple:
            raise InvalidInputError(
                f"{name} takes exactly {use.multiple} samples at once, got {batch.size}; give a multiple of it"
            )
        done, whole = 0, whole_inputs(declared, inputs, batch.size)
        for piece, count in in_pieces(inputs, batch.size, use.size, whole=whole):
            labels = None if batch.labels is None else batch.labels[done : done + count]
            state.add(use.run(piece), count, labels)
            done += count
            if progress is not None:
                progress(state.samples, None)
    if state is None:
        raise InvalidInputError("expected at least one sample of data, got none; give more data")
    return state.finish()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Use:
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


def _prepare(
    model: onnx.ModelProto, declared: tuple[Tensor, ...], inputs: Mapping[str, Array], samples: int, name: str
) -> _Use:
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
    every = [key for node in network.nodes for key in (*node.inputs, node.output)]
    raw = _runner(plain, network, every)(fed)
    values = _batched(raw, count)
    stated = any(inputs[key].ndim for key in whole)
    twice = {} if fixed else _run_twice(plain, network, fed, whole)
    alone = (fixed or 1) > 1 or (stated and not twice)
    if network.opaque:
        network = network_of(with_shapes(plain, raw, twice), name=name)
    alone = alone or not (stated or _takes_batches(network, inputs, exported_for=fixed))
    each = sum(value.nbytes for value in values.values()) / count
    return _Use(
        network=network,
        shapes={key: value.shape for key, value in values.items()},
        runner=_runner(plain, network, [*_seen(network), *conditions]),
        size=(fixed or 1) if alone else _UNCUT if stated else max(1, int(_BYTES_AT_ONCE / max(each, 1))),
        multiple=fixed if alone and fixed is not None else 1,
        constants=constants,
        conditions=conditions,
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


def _calls(network: Network) -> list[Node]:
    kept = guards(network)
    return [node for node in network.nodes if _is_call(node) and node.name not in kept]


def _is_call(node: Node) -> bool:
    operator = node.operator
    return isinstance(operator, ParametricRelu | Softmax) or (
        isinstance(operator, Activation) and operator.called
    )


def _recurrences(network: Network) -> list[tuple[Node, Recurrence]]:
    found = [(node, node.operator) for node in network.nodes if isinstance(node.operator, Opaque)]
    return [(node, operator.recurrence) for node, operator in found if operator.recurrence is not None]


def _seen(network: Network) -> list[str]:
    """Return the tensors that are measured."""
    names = [name for node in _calls(network) for name in (node.inputs[0], node.output)]
    for node, recurrence in _recurrences(network):
        names += [*recurrence.inputs, node.output]
    return [*names, *(tensor.name for tensor in network.outputs)]


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
    except (InvalidInputError, ValueError, IndexError):
        return False
    joined = np.concatenate(alone) if alone[0].ndim == both.ndim else np.zeros(0)
    return both.shape == joined.shape and bool(np.allclose(both, joined, rtol=1e-4, atol=1e-5))


def _batched(values: Values, samples: int) -> Values:
    """Give every tensor of a network that has no batch axis one."""
    if samples != 1:
        return values
    return {name: v if v.ndim and len(v) == 1 else v[None] for name, v in values.items()}


def _called(node: Node) -> str:
    operator = node.operator
    assert isinstance(operator, Activation | ParametricRelu | Softmax)  # noqa: S101 - as _is_call has it
    return operator.function.name


def _with_units(values: Array) -> Array:
    """Give a tensor of one number a sample an axis of units."""
    return values[:, None] if values.ndim == 1 else values


@dataclass(slots=True, kw_only=True)
class _Gathered:
    """What was gathered of a network so far."""

    network: Network
    shapes: dict[str, tuple[int, ...]]
    samples: int = 0
    calls: list[Node] = field(init=False)
    gatherings: dict[str, CallGathering] = field(default_factory=dict)
    answers: list[Array] = field(default_factory=list)
    nonfinite: int = 0
    gradient_of: str = ""
    unseen: dict[str, str] = field(init=False)

    def add(self, raw: Values, samples: int, labels: Array | None) -> None:
        values = _batched(raw, samples)
        for node in self.calls:
            before, after = _with_units(values[node.inputs[0]]), _with_units(values[node.output])
            slope = None
            if isinstance(node.operator, Activation | ParametricRelu):
                slope = node.operator.relative_slope(before)
            self.gatherings[node.name].add(before, after, slope)
        for node, recurrence in _recurrences(self.network):
            if node.name not in self.unseen:
                self._add_gates(node, recurrence, raw, samples)
        output = values[self.network.outputs[0].name]
        self.nonfinite += int(output.size - np.count_nonzero(np.isfinite(output)))
        if output.ndim == 2 and output.shape[1] > 1:
            self.answers.append(np.argmax(output, axis=1))
        self._pull(raw, samples, labels)
        self.samples += samples

    def _add_gates(self, node: Node, recurrence: Recurrence, values: Values, samples: int) -> None:
        gates, hidden = recurrence.gates(values)
        given = values[node.output]
        if given.shape == hidden.shape and not np.allclose(given, hidden, rtol=1e-3, atol=1e-4):
            self.unseen[node.name] = (
                f"{recurrence.kind} {node.name}"  # an equation that is not ours: say nothing of it
            )
            return
        for gate in gates:
            name = f"{node.name}.{gate.name}"
            if name not in self.gatherings:
                role: Role = (
                    "gate" if name.endswith("_gate") and gate.function.name == "sigmoid" else "hidden"
                )
                site = CallSite(name=name, function=gate.function, unit_axis=2, layer=node.name, role=role)
                self.gatherings[name] = CallGathering(site=site)
            before, after = gate.pre_activation, gate.output
            if len(before) == 1 and before.shape[1] == samples:
                # the samples are the steps of one sequence
                before, after = before.swapaxes(0, 1), after.swapaxes(0, 1)
            slope = Activation(function=gate.function).relative_slope(before)
            self.gatherings[name].add(before, after, slope)

    def __post_init__(self) -> None:
        self.unseen = {
            node.name: f"{node.operator.operator} {node.name}"
            for node in self.network.opaque
            if isinstance(node.operator, Opaque)
            and node.operator.operator.split(".")[-1] in _WITH_ACTIVATIONS_INSIDE
            and node.operator.recurrence is None
        } | {
            node.name: f"a function written out around {node.name}"
            for node in self.network.nodes
            if isinstance(node.operator, Activation) and node.operator.function.name in _OF_FUNCTIONS
        }
        self.calls = _calls(self.network)
        places, purposes = origins(self.network, self.shapes), roles(self.network)
        for node in self.calls:
            operator = node.operator
            assert isinstance(operator, Activation | ParametricRelu | Softmax)  # noqa: S101 - as _is_call has it
            place = places.get(node.inputs[0])
            axis = place.unit_axis if place else len(self.shapes[node.inputs[0]]) - 1
            self.gatherings[node.name] = CallGathering(
                site=CallSite(
                    name=node.name,
                    function=operator.function,
                    unit_axis=max(axis, 1),
                    layer=place.layer if place else None,
                    role=purposes.get(node.output, "hidden"),
                )
            )

    def _pull(self, values: Values, samples: int, labels: Array | None) -> None:
        if self.network.opaque:
            names = sorted({getattr(n.operator, "operator", "?") for n in self.network.opaque})
            self.gradient_of = f"not measured: nonlin takes none through {', '.join(names)}"
            return
        start, cotangent = self._start(values, labels, samples)
        by_output = {node.output: self.gatherings[node.name] for node in self.calls}

        def visit(name: str, gradient: Array) -> None:
            if name in by_output:
                by_output[name].add_gradient(float(np.sum(np.square(gradient, dtype=np.float64))), samples)

        with np.errstate(all="ignore"):
            pullback(self.network, values, {start: cotangent}, visit)

    def _start(self, values: Values, labels: Array | None, samples: int) -> tuple[str, Array]:
        last = final_call(self.network, ("sigmoid", "logsigmoid"))
        name = self.network.outputs[0].name if last is None else last.inputs[0]
        if labels is None:
            self.gradient_of = DIRECTION if last is None else DIRECTION_OF_LOGITS.format(_called(last))
            along = direction(_batched({name: values[name]}, samples)[name], self.samples)
            return name, along.reshape(values[name].shape)
        logits = values[name]
        if logits.ndim != 2 or labels.max() >= logits.shape[1]:
            raise InvalidInputError(
                f"expected labels from 0 to {logits.shape[1] - 1 if logits.ndim == 2 else 'classes − 1'} for an "
                f"output of shape {logits.shape}, got up to {int(labels.max())}; leave the labels out, or give "
                "those of this network's classes"
            )
        self.gradient_of = LOSS
        return name, loss_gradient(logits, labels)

    def finish(self) -> Recording:
        return Recording(
            model=self.network.name,
            parameters=self.network.parameters,
            samples=self.samples,
            calls=tuple(g.finish() for g in self._ordered()),
            chains=affine_chains(self.network, self.shapes),
            gradient_of=self.gradient_of,
            has_gradient=not self.network.opaque,
            answers=np.concatenate(self.answers) if self.answers else None,
            nonfinite_outputs=self.nonfinite,
            unseen=tuple(self.unseen.values()),
        )

    def _ordered(self) -> list[CallGathering]:
        """Return the calls in the order of the forward pass, the gates of a layer where the layer stands."""
        place = {node.name: i for i, node in enumerate(self.network.nodes)}
        gates = {id(g): g.site.layer for name, g in self.gatherings.items() if name not in place}
        kept = [g for g in self.gatherings.values() if gates.get(id(g)) not in self.unseen]
        return sorted(kept, key=lambda g: place[gates.get(id(g)) or g.site.name])
