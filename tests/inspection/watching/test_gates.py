"""The gates of recurrent layers in training, against the recorder that runs them step by step."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence

import nonlin
from nonlin.inspection.torch.gates_at_times import gates_at_times


class Reads(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x)[0]


LAYERS = [
    nn.LSTM(4, 5, batch_first=True),
    nn.LSTM(4, 5, bidirectional=True),
    nn.LSTM(4, 5, proj_size=3),
    nn.GRU(4, 5, bidirectional=True, batch_first=True),
    nn.RNN(4, 5, bias=False),
    nn.RNN(4, 5, nonlinearity="relu", batch_first=True),
]


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_gates_at_one_step_are_those_of_the_inspection(layer):
    # one time step: what is looked at is then everything
    with torch.no_grad():
        for weight in layer.parameters():
            weight.mul_(3)
    data = torch.randn((32, 1, 4) if layer.batch_first else (1, 32, 4))
    with nonlin.watch(Reads(layer), every=1) as log:
        for _ in range(2):
            log._model(data).sum().backward()
    if not layer.batch_first:
        layer.batch_first, data = True, data.transpose(0, 1)  # the inspection takes the batch in front
    inspection = nonlin.inspect(Reads(layer), data)
    inspected = {call.name: call for call in inspection.calls}
    values = {call.site.name: call.values for call in inspection.recording.calls}
    watched = [r for r in log.history if r.step == 1 and not r.function.endswith("outputs")]
    assert len(watched) >= 1
    cells = {name for name in inspected if layer.mode == "LSTM" and name.endswith("cell_output")}
    assert set(inspected) - {r.call for r in watched} <= (cells if layer.proj_size else set())
    for record in watched:
        call = inspected[record.call]
        assert record.function == call.function
        assert record.mean == pytest.approx(call.mean, rel=1e-4, abs=1e-5)
        assert record.saturated * 5 == pytest.approx(call.saturated)
        # slopes are looked up at the nearest of 256 points a unit: so near a kink, it may be the other side's
        astray = np.mean(np.abs(values[call.name]) < 1 / 512) if record.function == "relu" else 0.0
        assert record.slope_mean == pytest.approx(call.slope_mean, abs=5e-3 + astray)
    assert log.unseen == ()


def test_gates_over_time_are_near_those_of_the_inspection():
    layer, data = nn.LSTM(6, 8, batch_first=True), torch.randn(64, 100, 6)
    with nonlin.watch(Reads(layer), every=1) as log:
        log._model(data).sum().backward()
    inspected = {call.name: call for call in nonlin.inspect(Reads(layer), data).calls}
    outputs, *gates = log.history
    assert outputs.function == "lstm outputs"
    assert outputs.gradient_rms == pytest.approx(1)
    assert [gate.gradient_rms for gate in gates] == [None] * 5
    for gate in gates:
        assert gate.mean == pytest.approx(inspected[gate.call].mean, abs=0.03)


STACKS = [
    nn.LSTM(4, 5, num_layers=2, bidirectional=True),
    nn.LSTM(4, 5, num_layers=3, proj_size=3, batch_first=True),
    nn.GRU(4, 5, num_layers=3, batch_first=True),
    nn.RNN(4, 5, num_layers=2, bias=False, bidirectional=True),
]


class OneByOne(Reads):
    """Takes the batch in front, in a packed form if asked."""

    packed = False

    def forward(self, x):
        if self.packed:
            return self.layer(pack_sequence(list(x)))[0].data
        return super().forward(x if self.layer.batch_first else x.transpose(0, 1))


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("layer", STACKS, ids=str)
def test_gates_of_layers_on_layers_are_those_of_the_inspection(layer, packed):
    data, model = torch.randn(40, 7, 4), OneByOne(layer)
    model.packed = packed
    with nonlin.watch(model, every=1) as log:
        for _ in range(2):
            model(data).sum().backward()
    # two of forty sequences are looked at, at every step
    inspected = {call.name: call for call in nonlin.inspect(model, data[:2]).calls}
    watched = [r for r in log.history if r.step == 1 and not r.function.endswith("outputs")]
    cells = {name for name in inspected if name.endswith("cell_output")} if layer.mode == "LSTM" else set()
    missed = set(inspected) - {record.call for record in watched}
    assert missed == (cells if layer.mode == "LSTM" and layer.proj_size else set())
    assert len(watched) >= layer.num_layers
    for record in watched:
        assert record.mean == pytest.approx(inspected[record.call].mean, rel=1e-4, abs=1e-5)
        assert record.samples == 2
    assert log.unseen == ()


def test_layers_with_dropout_between_them_show_their_outputs_and_say_what_is_not_seen():
    model = Reads(nn.GRU(4, 5, num_layers=2, dropout=0.5))
    with nonlin.watch(model, every=1) as log:
        for _ in range(2):
            model(torch.randn(3, 8, 4)).sum().backward()
    assert [(r.call, r.function) for r in log.history] == [("layer", "gru outputs")] * 2
    assert log.unseen == ("gru layer",)


def test_dropout_that_begins_while_watched_is_learnt_anew():
    model = Reads(nn.GRU(4, 5, num_layers=2))
    with nonlin.watch(model, every=1) as log:
        for step in range(4):
            model.layer.dropout = 0.5 * (step > 0)
            model(torch.randn(3, 8, 4)).sum().backward()
    assert [record.step for record in log.history if record.function == "gru outputs"] == [0, 2, 3]


def test_looking_at_layers_on_layers_changes_nothing_in_training():
    layer, data = nn.LSTM(4, 5, num_layers=2), torch.randn(9, 3, 4)
    plain = layer(data)[0]
    (expected,) = torch.autograd.grad(plain.square().sum(), layer.weight_hh_l0)
    state = torch.get_rng_state()
    with nonlin.watch(Reads(layer), every=1) as log:
        for _ in range(2):
            found = log._model(data)
            (gradient,) = torch.autograd.grad(found.square().sum(), layer.weight_hh_l0)
            assert torch.equal(found, plain)
            assert torch.equal(gradient, expected)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn_tanh"])
def test_gates_of_a_packed_batch_are_those_of_each_sequence_alone(kind, both):
    gates = {"lstm": 4, "gru": 3, "rnn_tanh": 1}[kind]
    lengths, directions = [70, 70, 49, 48, 17, 16, 3], 1 + both  # steps 16 and 48 are looked at
    sequences = [torch.randn(length, 4) for length in lengths]
    weights = [w for _ in range(directions) for w in (torch.randn(gates * 5, 4), torch.randn(gates * 5, 5))]
    first = torch.randn(directions, len(lengths), 5)
    cell = torch.randn(directions, len(lengths), 5)

    def run(sequence, j):
        start = first[:, j : j + 1].contiguous(), cell[:, j : j + 1].contiguous()
        initial = start if kind == "lstm" else start[0]
        operator = getattr(torch, kind)
        return operator(sequence[:, None], initial, weights, False, 1, 0.0, True, both, False)[0][:, 0]

    packed = pack_sequence(sequences)
    initial = (first, cell) if kind == "lstm" else first
    arguments = (packed.data, packed.batch_sizes, initial, weights, False, 1, 0.0, True, both)
    found = gates_at_times(kind, arguments, getattr(torch, kind)(*arguments))
    for i in range(directions):
        expected = []
        for t in (16, 48):
            for j, sequence in enumerate(sequences[: sum(length > t for length in lengths)]):
                outputs, before = run(sequence, j)[:, 5 * i : 5 * i + 5], t + 1 if i else t - 1
                known = outputs[before] if before < len(outputs) else first[i, j]
                expected.append(weights[2 * i] @ sequence[t] + weights[2 * i + 1] @ known)
        name = {"lstm": "forget_gate", "gru": "update_gate", "rnn_tanh": "tanh"}[kind]
        place = slice(0, 5) if gates == 1 else slice(5, 10)
        prefix = ("l0.", "l0_reverse.")[i] if both else ""
        torch.testing.assert_close(found.pres[prefix + name], torch.stack(expected)[:, place])


class Packs(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, *sequences):
        return self.layer(pack_sequence(sequences, enforce_sorted=False))[0].data


def test_packed_sequences_are_watched_with_their_gates():
    model = Packs(nn.LSTM(4, 5, bidirectional=True))
    with nonlin.watch(model, every=1) as log:
        for lengths in ((3, 40, 7), (50, 2, 33)):
            model(*(torch.randn(length, 4) for length in lengths)).sum().backward()
    first = [record.call for record in log.history if record.step == 0]
    assert len(first) == 1 + 2 * 5
    assert first == [record.call for record in log.history if record.step == 1]
    assert log.unseen == ()


CELLS = [
    nn.LSTMCell(4, 5),
    nn.GRUCell(4, 5),
    nn.RNNCell(4, 5, nonlinearity="relu"),
    nn.LSTMCell(4, 5, bias=False),
]


class Steps(nn.Module):
    """Steps a cell itself."""

    def __init__(self, cell):
        super().__init__()
        self.layer = cell

    def forward(self, x):
        state, outputs = None, []
        for step in x.unbind(1):
            state = self.layer(step, state)
            outputs.append(state[0] if isinstance(state, tuple) else state)
        return torch.stack(outputs, 1)


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_the_gates_of_a_cell_are_those_of_its_middle_step(cell):
    with torch.no_grad():
        for weight in cell.parameters():
            weight.mul_(3)
    data, states = torch.randn(32, 7, 4), []
    hook = cell.register_forward_pre_hook(lambda _cell, given: states.append(given[1]))
    with nonlin.watch(Steps(cell), every=1) as log:
        for _ in range(2):
            log._model(data).sum().backward()
    hook.remove()
    assert log.unseen == ()
    middle = states[3]  # the state before the fourth of seven steps

    class Once(nn.Module):
        def forward(self, x):
            result = cell(x, middle)
            return result[0] if isinstance(result, tuple) else result

    once = Once()
    once.layer = cell
    inspected = {call.name: call for call in nonlin.inspect(once, data[:, 3], folds=False).calls}
    for step in (0, 1):
        outputs, *gates = (record for record in log.history if record.step == step)
        assert (outputs.call, outputs.function.endswith("cell outputs")) == ("layer", True)
        assert outputs.gradient_rms is not None
        assert {gate.call for gate in gates} == inspected.keys()
        for gate in gates:
            call = inspected[gate.call]
            assert (gate.function, gate.samples) == (call.function, 32)
            assert gate.mean == pytest.approx(call.mean, rel=1e-4, abs=1e-6)
            assert gate.saturated * 5 == pytest.approx(call.saturated)
            assert gate.dead * 5 == pytest.approx(call.dead)
