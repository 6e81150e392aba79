"""The gates of recurrent layers in training, against the recorder that runs them step by step."""

import pytest
import torch
from torch import nn

import nonlin


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
    inspected = {call.name: call for call in nonlin.inspect(Reads(layer), data).calls}
    watched = [r for r in log.history if r.step == 1 and not r.function.endswith("outputs")]
    assert len(watched) >= 1
    cells = {name for name in inspected if layer.mode == "LSTM" and name.endswith("cell_output")}
    assert set(inspected) - {r.call for r in watched} <= (cells if layer.proj_size else set())
    for record in watched:
        call = inspected[record.call]
        assert record.function == call.function
        assert record.mean == pytest.approx(call.mean, rel=1e-4, abs=1e-5)
        assert record.saturated * 5 == pytest.approx(call.saturated)
        assert record.slope_mean == pytest.approx(call.slope_mean, abs=5e-3)
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


def test_layers_on_layers_show_their_outputs_and_say_what_is_not_seen():
    model = Reads(nn.GRU(4, 5, num_layers=2))
    with nonlin.watch(model, every=1) as log:
        for _ in range(2):
            model(torch.randn(3, 8, 4)).sum().backward()
    assert [(r.call, r.function) for r in log.history] == [("layer", "gru outputs")] * 2
    assert log.unseen == ("gru layer",)
