"""Every gate of every layer and direction beside equations written out by hand, one sequence and one step at a time."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from nonlin.inspection.gradients import direction
from nonlin.inspection.recording import Batch
from nonlin.inspection.torch import record
from nonlin.inspection.torch.unrolling import GATES, Unrolled, unroll

LENGTHS = torch.tensor([3, 5, 1, 5])
FUNCTIONS = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu}
LAYERS = [
    nn.LSTM(2, 3),
    nn.LSTM(2, 3, num_layers=2, bidirectional=True, batch_first=True, dropout=0.5),
    nn.LSTM(2, 4, num_layers=2, bidirectional=True, batch_first=True, proj_size=3),
    nn.LSTM(2, 3, bias=False, batch_first=True),
    nn.GRU(2, 3, batch_first=True),
    nn.GRU(2, 3, num_layers=3, bidirectional=True, dropout=0.2),
    nn.GRU(2, 3, bias=False, batch_first=True),
    nn.RNN(2, 3, num_layers=2, batch_first=True, bidirectional=True),
    nn.RNN(2, 3, nonlinearity="relu", bidirectional=True),
]


class Net(nn.Module):
    """All that a layer returns goes into the output, each with other factors."""

    def __init__(self, layer, *, packed):
        super().__init__()
        self.layer, self.packed = layer, packed

    def forward(self, x):
        given = x if self.layer.batch_first else x.transpose(0, 1)
        if self.packed:
            given = pack_padded_sequence(
                given, LENGTHS, batch_first=self.layer.batch_first, enforce_sorted=False
            )
        output, states = self.layer(given)
        if self.packed:
            output, _ = pad_packed_sequence(output, batch_first=self.layer.batch_first)
        output = output if self.layer.batch_first else output.transpose(0, 1)
        return answer(output, states if isinstance(states, tuple) else (states,))


def answer(output, states):
    weights = torch.arange(1.0, output.shape[1] + 1, dtype=output.dtype)[:, None]
    parts = [(output * weights).sum(1), *(state.sin().sum(0) for state in states)]
    return torch.cat(parts, 1)


def step(kind, weights, x, states, gate):
    """One time step of one sequence, by PyTorch's manual."""
    w, u, b, c, p = weights
    if kind == "LSTM":
        h, cell = states
        i, f, g, o = (w @ x + b + u @ h + c).chunk(4)
        i, f = gate("input_gate", "sigmoid", i), gate("forget_gate", "sigmoid", f)
        g, o = gate("cell_gate", "tanh", g), gate("output_gate", "sigmoid", o)
        cell = f * cell + i * g
        h = o * gate("cell_output", "tanh", cell)
        return (h if p is None else p @ h), cell
    (h,) = states
    if kind == "GRU":
        (a, d, e), (k, m, n) = (w @ x + b).chunk(3), (u @ h + c).chunk(3)
        r, z = gate("reset_gate", "sigmoid", a + k), gate("update_gate", "sigmoid", d + m)
        new = gate("new_gate", "tanh", e + r * n)
        return ((1 - z) * new + z * h,)
    return (gate(kind, kind, w @ x + b + u @ h + c),)


class Gates:
    """Every gate that was computed, by name, with its gradient once there is one."""

    def __init__(self):
        self.seen = {}

    def of(self, prefix):
        def gate(name, function, pre):
            output = FUNCTIONS[function](pre)
            output.retain_grad()
            self.seen.setdefault(prefix + name, []).append((pre, output, function))
            return output

        return gate


def weights_of(module, suffix, zero):
    def found(name):
        return getattr(module, name + suffix, None)

    w, u = found("weight_ih"), found("weight_hh")
    return w, u, found("bias_ih") if module.bias else zero, found("bias_hh") if module.bias else zero, None


def by_hand(layer, sequences, gates):
    """Return the outputs, padded, and the final states of a layer."""
    kind = layer.mode.removeprefix("RNN_").lower() if layer.mode.startswith("RNN") else layer.mode
    both, single = (2 if layer.bidirectional else 1), layer.num_layers * (1 + layer.bidirectional) == 1
    outputs, finals = [list(sequence) for sequence in sequences], []
    for index in range(layer.num_layers):
        made = []
        for way in range(both):
            suffix = f"_l{index}" + "_reverse" * way
            gate = gates.of("layer." if single else f"layer.{suffix[1:]}.")
            *weights, _ = weights_of(layer, suffix, torch.zeros((), dtype=torch.float64))
            weights = [*weights, getattr(layer, "weight_hr" + suffix, None)]
            made.append([run(kind, weights, steps, gate, way) for steps in outputs])
            finals.append([final for _, final in made[-1]])
        outputs = [
            [torch.cat(parts) for parts in zip(*(made[way][b][0] for way in range(both)), strict=True)]
            for b in range(len(sequences))
        ]
    longest = max(map(len, outputs))
    padded = [
        torch.stack([*steps, *[torch.zeros_like(steps[0])] * (longest - len(steps))]) for steps in outputs
    ]
    count = 2 if kind == "LSTM" else 1
    states = [
        torch.stack([torch.stack([sample[k] for sample in final]) for final in finals]) for k in range(count)
    ]
    return torch.stack(padded), states


def run(kind, weights, steps, gate, way):
    units = weights[1].shape[1]
    states = (torch.zeros(units, dtype=torch.float64),)
    if kind == "LSTM":
        states = (*states, torch.zeros(len(weights[0]) // 4, dtype=torch.float64))
    made = []
    for x in steps[::-1] if way else steps:
        states = step(kind, weights, x, states, gate)
        made.append(states[0])
    return (made[::-1] if way else made), states


def compare(recording, gates, samples):
    calls = {call.site.name: call for call in recording.calls}
    assert list(calls) == list(gates.seen)
    for name, steps in gates.seen.items():
        call, function = calls[name], steps[0][2]
        pre, output, gradient = (
            torch.stack(part).detach()
            for part in zip(
                *((u, y, torch.zeros_like(y) if y.grad is None else y.grad) for u, y, _ in steps), strict=True
            )
        )
        slope = {"sigmoid": 4 * output * (1 - output), "tanh": 1 - output**2, "relu": (pre > 0).double()}
        wanted = {
            "mean of u": (call.statistics.pre_activation.mean, pre.mean(0)),
            "variance of u": (call.statistics.pre_activation.variance, pre.var(0, correction=0)),
            "mean of y": (call.statistics.output.mean, output.mean(0)),
            "slopes": (call.statistics.slope_sum, slope[function].sum(0)),
            "steepest": (call.statistics.slope_high, slope[function].max(0).values),
            "gradient": (call.gradient, (gradient.square().sum() / samples).sqrt()),
        }
        assert call.site.function.name == function
        assert call.statistics.values == len(steps)
        for what, (found, expected) in wanted.items():
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12, err_msg=f"{name}: {what}")


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize("packed", [False, True], ids=["dense", "packed"])
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_gates_and_gradients_are_those_of_the_equations(layer, packed):
    torch.manual_seed(1)
    x = torch.randn(4, 5, 2, dtype=torch.float64)
    layer = layer.double()
    for parameter in layer.parameters():
        nn.init.normal_(parameter, 0, 0.7)
    recording = record(Net(layer, packed=packed), [Batch(inputs={"x": x}, labels=None, size=4)])
    gates = Gates()
    lengths = LENGTHS if packed else [5] * 4
    result = answer(*by_hand(layer, [x[b, : lengths[b]] for b in range(4)], gates))
    (result * torch.from_numpy(direction(np.empty(result.shape), 0))).sum().backward()
    assert recording.has_gradient
    assert not recording.unseen
    compare(recording, gates, samples=4)


@pytest.mark.parametrize("cell", [nn.LSTMCell(2, 3), nn.GRUCell(2, 3), nn.RNNCell(2, 3)], ids=str)
def test_cells_that_the_model_steps(cell):
    class Stepped(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = cell

        def forward(self, x):
            state, made = None, []
            for t in range(x.shape[1]):
                state = self.layer(x[:, t], state)
                made.append(state[0] if isinstance(state, tuple) else state)
            return answer(torch.stack(made, 1), [])

    torch.manual_seed(1)
    x = torch.randn(4, 5, 2, dtype=torch.float64)
    recording = record(Stepped().double(), [Batch(inputs={"x": x}, labels=None, size=4)])
    gates, weights = Gates(), weights_of(cell, "", None)
    kind = {nn.LSTMCell: "LSTM", nn.GRUCell: "GRU"}.get(type(cell), "tanh")
    made = [run(kind, weights, list(sequence), gates.of("layer."), 0)[0] for sequence in x]
    result = answer(torch.stack([torch.stack(steps) for steps in made]), [])
    (result * torch.from_numpy(direction(np.empty(result.shape), 0))).sum().backward()
    compare(recording, gates, samples=4)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("sizes", [[2, 2, 2], [3, 2, 2, 1]], ids=["dense", "ragged"])
@pytest.mark.parametrize(
    ("kind", "projected"), [("lstm", False), ("lstm", True), ("gru", False), ("tanh", False), ("relu", False)]
)
def test_gradients_go_on_through_inputs_weights_and_states(kind, projected, sizes, reverse):
    def normal(*shape):
        return torch.randn(*shape, dtype=torch.float64, requires_grad=True)

    gates, out = {"lstm": 4, "gru": 3}.get(kind, 1), 3 if projected else 2
    width = gates * 2
    tensors = [normal(gates, sum(sizes), 2), normal(width, out), normal(sizes[0], out)]
    extra = [normal(sizes[0], 2)] if kind == "lstm" else []
    extra += [normal(out, 2)] if projected else []
    extra += [normal(width)] if kind == "gru" else []

    def layer(x, weight, state, *extra):
        squares = [[] for _ in GATES[kind]]
        described = Unrolled(kind=kind, sizes=sizes, reverse=reverse, squares=squares)
        bias = extra[-1] * 1 if kind == "gru" else None
        states = [state, extra[0]] if kind == "lstm" else [state]
        return unroll(described, x * 1, (weight * 1, bias, extra[1] * 1 if projected else None), states)

    assert torch.autograd.gradcheck(layer, (*tensors, *extra))


def test_dropout_between_layers_is_drawn_as_pytorch_draws_it():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.LSTM(4, 5, num_layers=3, dropout=0.5, bidirectional=True)

        def forward(self, x):
            self.layer.train()  # dropout at inference, for an uncertainty
            self.result = self.layer(x)[0]
            return self.result.mean(1)

    model, x = Net(), torch.randn(6, 3, 4)
    torch.manual_seed(5)
    model(x)
    expected = model.result.detach()
    torch.manual_seed(5)
    kept = []
    model.layer.register_forward_hook(lambda _module, _inputs, result: kept.append(result[0].detach()))
    recording = record(model, [Batch(inputs={"x": x}, labels=None, size=6)])
    torch.testing.assert_close(kept[0], expected, rtol=1e-5, atol=1e-6)
    assert len(recording.calls) == 3 * 2 * 5
    assert not recording.unseen


def test_an_output_may_be_overwritten():
    class Net(nn.Module):
        def __init__(self, layer):
            super().__init__()
            self.layer, self.out = layer, nn.Linear(5, 2)

        def forward(self, x):
            return self.out(self.layer(x)[0].mul_(2).mean(1))

    for kind in (nn.LSTM, nn.GRU, nn.RNN):
        recording = record(
            Net(kind(4, 5, batch_first=True)),
            [Batch(inputs={"x": torch.randn(6, 3, 4)}, labels=None, size=6)],
        )
        assert recording.has_gradient
        assert all(call.gradient > 0 for call in recording.calls)


def test_the_comparison_can_fail():
    layer, x = nn.GRU(2, 3, batch_first=True).double(), torch.randn(4, 5, 2, dtype=torch.float64)
    recording = record(Net(layer, packed=False), [Batch(inputs={"x": x}, labels=None, size=4)])
    gates = Gates()
    answer(*by_hand(layer, list(x), gates)).sum().backward()  # another objective
    with pytest.raises(AssertionError, match="gradient"):
        compare(recording, gates, samples=4)
