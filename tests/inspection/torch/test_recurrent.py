import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from nonlin.inspection.recording import Batch
from nonlin.inspection.torch import record
from nonlin.inspection.torch.layers import WeightNames
from nonlin.inspection.torch.tracing import Tracing

LAYERS = [
    nn.LSTM(4, 5, batch_first=True),
    nn.LSTM(4, 5, num_layers=2, bidirectional=True, batch_first=True),
    nn.LSTM(4, 5, num_layers=2, proj_size=3, bidirectional=True, batch_first=True),
    nn.LSTM(4, 5, bias=False, batch_first=True),
    nn.GRU(4, 5, num_layers=2, bidirectional=True, batch_first=True),
    nn.GRU(4, 5, bias=False, batch_first=True),
    nn.RNN(4, 5, num_layers=2, batch_first=True),
    nn.RNN(4, 5, nonlinearity="relu", bidirectional=True, batch_first=True),
]
LENGTHS = torch.tensor([2, 6, 4, 6, 1])


class Packed(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        packed = pack_padded_sequence(x, LENGTHS, batch_first=True, enforce_sorted=False)
        output, state = self.layer(packed)
        assert isinstance(output, PackedSequence)
        return pad_packed_sequence(output, batch_first=True)[0], state


def under_the_recorder(model, x):
    tracing = Tracing(WeightNames(model))
    with tracing.places.watching(model), tracing, torch.no_grad():
        tracing.restart(len(x))
        tracing.follow(x)
        return model(x)


def leaves(result):
    return (
        [result] if isinstance(result, torch.Tensor) else [leaf for part in result for leaf in leaves(part)]
    )


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize("packed", [False, True], ids=["dense", "packed"])
@pytest.mark.parametrize("layer", LAYERS, ids=[str(layer) for layer in LAYERS])
def test_step_by_step_gives_what_pytorch_gives(layer, packed):
    model, x = Packed(layer) if packed else layer, torch.randn(5, 6, 4)
    with torch.no_grad():
        expected = leaves(model(x))
    got = leaves(under_the_recorder(model, x))
    assert len(got) == len(expected)
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_the_comparison_can_fail():
    layer, x = nn.LSTM(4, 5, batch_first=True), torch.randn(5, 6, 4)
    got, _ = under_the_recorder(layer, x)
    with pytest.raises(AssertionError):
        torch.testing.assert_close(got, layer(x + 1e-3)[0], rtol=1e-5, atol=1e-6)


def test_gates_are_calls_over_all_steps(run, names):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(4, 5, batch_first=True)
            self.out = nn.Linear(5, 3)

        def forward(self, x):
            return self.out(self.lstm(x)[0][:, -1])

    recording = run(Net(), torch.randn(8, 6, 4), np.arange(8) % 3)
    gates = ["input_gate", "forget_gate", "cell_gate", "output_gate", "cell_output"]
    functions = ["sigmoid", "sigmoid", "tanh", "sigmoid", "tanh"]
    assert names(recording) == [(f"lstm.{gate}", f) for gate, f in zip(gates, functions, strict=True)]
    for call in recording.calls:
        assert call.shape == (6, 5)
        assert call.site.layer == "lstm"
        assert (call.statistics.units, call.statistics.samples, call.statistics.values) == (5, 8, 48)
        assert call.gradient > 0


def test_the_gate_values_are_the_equations(run):
    layer, x = nn.GRU(4, 5, batch_first=True), torch.randn(7, 3, 4)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.gru = layer

        def forward(self, x):
            return self.gru(x)[0]

    calls = {call.site.name: call for call in run(Net(), x).calls}
    with torch.no_grad():
        h, resets = torch.zeros(7, 5), []
        for t in range(3):
            a = x[:, t] @ layer.weight_ih_l0.T + layer.bias_ih_l0
            b = h @ layer.weight_hh_l0.T + layer.bias_hh_l0
            resets.append(a[:, :5] + b[:, :5])
            h = layer(x[:, : t + 1])[1][0]
    expected = torch.stack(resets).double().mean((0, 1))
    np.testing.assert_allclose(
        calls["gru.reset_gate"].statistics.pre_activation.mean, expected, rtol=1e-5, atol=1e-6
    )


def test_layers_and_directions_are_named(run, names):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.RNN(4, 5, num_layers=2, bidirectional=True, batch_first=True)

        def forward(self, x):
            return self.rnn(x)[0]

    expected = ["rnn.l0.tanh", "rnn.l0_reverse.tanh", "rnn.l1.tanh", "rnn.l1_reverse.tanh"]
    assert [name for name, _ in names(run(Net(), torch.randn(3, 6, 4)))] == expected


def test_a_cell_that_the_model_steps_is_one_call_a_gate(run, names):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = nn.LSTMCell(4, 5)

        def forward(self, x):
            h = c = x.new_zeros(len(x), 5)
            for t in range(x.shape[1]):
                h, c = self.cell(x[:, t], (h, c))
            return h

    recording = run(Net(), torch.randn(8, 6, 4))
    assert [name for name, _ in names(recording)][:2] == ["cell.input_gate", "cell.forget_gate"]
    assert len(recording.calls) == 5
    assert {call.shape for call in recording.calls} == {(6, 5)}
    assert recording.calls[0].statistics.samples == 8


@pytest.mark.parametrize("kind", [nn.GRUCell, nn.RNNCell])
def test_other_cells(run, kind):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = kind(4, 5)

        def forward(self, x):
            return self.cell(x)

    model, x = Net(), torch.randn(8, 4)
    torch.testing.assert_close(under_the_recorder(model, x), model(x).detach())
    assert all(call.gradient > 0 for call in run(model, x).calls)


def test_packed_sequences_count_their_sequences_as_samples():
    model = Packed(nn.LSTM(4, 5, batch_first=True))
    x = torch.randn(5, 6, 4)
    recording = record(model, [Batch(inputs={"x": x}, labels=None, size=5)])
    call = recording.calls[0]
    assert (call.statistics.samples, call.statistics.values) == (5, int(LENGTHS.sum()))
    assert recording.has_gradient


def test_sequences_first_have_the_batch_second(run):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.out = nn.Linear(4, 7), nn.Linear(7, 2)

        def forward(self, x):
            return self.out(torch.relu(self.fc(x.transpose(0, 1)))).mean(0)

    (call,) = run(Net(), torch.randn(8, 6, 4)).calls
    assert (call.shape, call.statistics.units, call.statistics.samples) == ((6, 7), 7, 8)
