import json

import numpy as np
import pytest
import torch
from torch import nn

from nonlin import demonstration
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


def test_what_cannot_be_predicted_says_why(mlp, he):
    path = mlp([he(16, 32, 0), he(4, 16, 1)], ["Softmax"])
    made = inspect(path, SAMPLES, predicted=True).prediction
    assert "Softmax" in " ".join(made.uncovered)
    assert [row.confidence for row in made.calls] == ["not covered"]
