import json

import numpy as np
import pytest
import torch
from torch import nn

from nonlin import demonstration
from nonlin.errors import InvalidInputError
from nonlin.inspection import inspect, predict
from nonlin.networks import read

SAMPLES = np.random.default_rng(5).standard_normal((400, 32)).astype(np.float32)


def test_the_demonstration_has_its_prediction_beside_what_is_measured():
    inspection = inspect(demonstration.model_path(), demonstration.data_path(), predicted=True)
    made = inspection.prediction
    images = np.load(demonstration.data_path())["images"][:256]
    alone = predict(
        read(demonstration.model_path()), input_mean=images.mean(axis=0), input_variance=images.var(axis=0)
    )
    assert [call.name for call in made.calls] == [call.name for call in inspection.calls]
    for row, other, call in zip(made.calls, alone.calls, inspection.calls, strict=True):
        assert row.length == pytest.approx(other.length, rel=1e-4)
        assert row.gradient == pytest.approx(other.gradient, rel=1e-4)
        assert row.measured == pytest.approx(call.gradient / inspection.calls[-1].gradient)
        assert row.measured_length == pytest.approx(call.input_mean**2 + call.input_std**2)
    written = json.loads(inspection.to_json())["prediction"]
    assert written["calls"][0]["measured_length"] == pytest.approx(made.calls[0].measured_length)
    assert "predicted" not in str(inspect(demonstration.model_path(), demonstration.data_path()).to_dict())


@pytest.mark.filterwarnings("ignore")  # of the exporter
def test_a_module_keeps_its_names_and_an_unstable_length_map_is_said_so():
    torch.manual_seed(0)
    layers = []
    for _ in range(8):
        layers += [nn.Linear(32, 32, bias=False), nn.GELU()]
        nn.init.kaiming_normal_(layers[-2].weight)
    model = nn.Sequential(*layers, nn.Linear(32, 4)).eval()
    inspection = inspect(model, SAMPLES, predicted=True)
    rows = inspection.prediction.calls
    assert [row.name for row in rows] == [call.name for call in inspection.calls]
    assert rows[0].confidence == "stable"
    assert rows[-1].confidence == "unstable"
    for row, call in zip(rows, inspection.calls, strict=True):
        # the measured length is that of torch's own forward pass, and near the predicted one
        u = model[: int(call.name)](torch.from_numpy(SAMPLES)).double()
        assert row.measured_length == pytest.approx(float(u.square().mean()), rel=1e-3)
        assert abs(np.log10(row.length / row.measured_length)) < 0.1
        assert abs(row.decades) < 0.2


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.act, self.b = nn.Linear(32, 32), nn.GELU(), nn.Linear(32, 32)

    def forward(self, x):
        return torch.relu(self.b(self.act(self.a(x))))


class Nested(nn.Module):
    """Modules inside modules, one used twice, functions beside them, and a layer that is several operators."""

    def __init__(self):
        super().__init__()
        self.first, self.bend = nn.Linear(32, 32), nn.Softplus()
        self.blocks, self.last = nn.Sequential(Block(), Block()), nn.Linear(32, 3)

    def forward(self, x):
        h = self.bend(self.first(x))
        return self.last(nn.functional.silu(self.blocks(self.bend(h)).unsqueeze(1)).squeeze(1))


@pytest.mark.filterwarnings("ignore")  # of the exporter
@pytest.mark.parametrize("form", ["module", "program"])
def test_reading_predicting_and_inspecting_say_the_same_names(form, tmp_path):
    torch.manual_seed(0)
    model, x = Nested().eval(), torch.from_numpy(SAMPLES)
    if form == "program":
        shapes = ({0: torch.export.Dim("n")},)
        torch.export.save(torch.export.export(model, (x,), dynamic_shapes=shapes), tmp_path / "m.pt2")
        model = str(tmp_path / "m.pt2")
    inspection = inspect(model, SAMPLES, folds=False)
    network = read(model, SAMPLES[:1])
    prediction = predict(network, measured=inspection)
    names = ["bend", "bend#2", "blocks.0.act", "blocks.0.relu", "blocks.1.act", "blocks.1.relu", "silu"]
    assert [call.name for call in inspection.calls] == names
    assert [call.name for call in prediction.calls] == names
    assert all(call.measured is not None for call in prediction.calls)
    layers = {call.name: call.layer for call in inspection.calls}
    assert all(call.layer in (None, layers[call.name]) for call in prediction.calls)
    assert [call.layer for call in prediction.calls if call.layer][:2] == ["first", "blocks.0.a"]
    assert prediction.model == ("m.pt2" if form == "program" else "Nested")
    assert len({node.name for node in network.nodes}) == len(network.nodes)


@pytest.mark.filterwarnings("ignore")  # of the exporter
def test_a_program_that_is_refused_is_called_by_its_file(tmp_path):
    model = nn.Linear(4, 2)
    nn.init.constant_(model.weight, torch.nan)
    torch.export.save(torch.export.export(model, (torch.ones(3, 4),)), tmp_path / "m.pt2")
    with pytest.raises(InvalidInputError, match=r"finite weights in m\.pt2, got 8 NaN"):
        read(str(tmp_path / "m.pt2"))


def test_what_cannot_be_predicted_says_why(mlp, he):
    path = mlp([he(16, 32, 0), he(4, 16, 1)], ["Softmax"])
    made = inspect(path, SAMPLES, predicted=True).prediction
    assert "Softmax" in " ".join(made.uncovered)
    assert [row.confidence for row in made.calls] == ["not covered"]


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(3, 12), nn.Linear(5, 12)

    def forward(self, left, right):
        return torch.relu(self.a(left)) + torch.relu(self.b(right))


def test_a_module_of_several_inputs_has_neither_prediction_nor_proofs_and_says_why():
    data = {"left": np.ones((40, 3), np.float32), "right": np.ones((40, 5), np.float32)}
    found = inspect(Two(), data, predicted=True, box=(0, 1))
    for reasons in (found.prediction.uncovered, found.unbounded):
        assert reasons == (
            "expected a PyTorch model with one input, to read as a graph, got left, right; give an ONNX file",
        )
