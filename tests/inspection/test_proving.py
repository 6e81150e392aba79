import subprocess
import sys

import numpy as np
import pytest

import nonlin
from nonlin.errors import InvalidInputError

torch = pytest.importorskip("torch")


@pytest.fixture
def planted(mlp, he):
    """A network of two calls: units 0 and 1 of the first are never on in [0, 1]⁶, unit 2 always; unit 3 rarely."""
    (first, bias), second, last = he(8, 6, 0), he(8, 8, 1), he(3, 8, 2)
    first = first / 4
    bias[:3] = [-9.0, -9.0, 9.0]
    first[3], bias[3] = 1.0, -5.9
    return mlp([(first, bias), second, last], ["Relu", "Relu"])


def data(samples=100):
    return np.random.default_rng(3).uniform(0, 1, (samples, 6)).astype(np.float32)


def test_proven_beside_measured(planted):
    call = nonlin.inspect(planted, data(), box=(0, 1)).calls[0]
    assert {0, 1, 3} <= set(call.dead_units)
    assert {0, 1} <= set(call.proven_dead_units)
    # not on any sample, and yet it fires: the corner of ones turns it on
    assert 3 not in call.proven_dead_units
    assert 2 in call.proven_linear_units
    assert call.proven_dead == len(call.proven_dead_units)
    assert call.certificate == "linear"


def test_nothing_is_said_where_nothing_is_asked(planted):
    inspection = nonlin.inspect(planted, data())
    assert inspection.box is None
    assert {(c.proven_dead, c.proven_linear, c.certificate) for c in inspection.calls} == {(None, None, None)}


def test_json_and_a_box_of_arrays(planted):
    low = np.zeros(6)
    found = nonlin.inspect(planted, data(), box=(low, low + 1)).to_dict()
    assert found["box"] == "[array (6,), array (6,)]"
    assert found["unbounded"] == []
    assert found["calls"][0]["proven_dead"] >= 2


def test_the_terminal(planted, tmp_path):
    np.save(tmp_path / "data.npy", data())
    command = [
        sys.executable,
        "-m",
        "nonlin",
        "inspect",
        str(planted),
        "--data",
        "data.npy",
        "--box",
        "0",
        "1",
    ]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    call = nonlin.inspect(planted, data(), box=(0, 1)).calls[0]
    words = (
        f"Proven  on every input of the box [0, 1]: act0 {call.proven_dead} dead, {call.proven_linear} linear"
    )
    assert words in " ".join(result.stdout.split("\n")), result.stdout + result.stderr


def test_a_module():
    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(64, 3)
    )
    with torch.no_grad():
        module[0].bias[1] = -20.0
    images = torch.rand(40, 1, 6, 6)
    inspection = nonlin.inspect(module, images, box=(0.0, 1.0))
    assert 1 in inspection.calls[0].proven_dead_units
    assert len(inspection.calls[0].proven_dead_units) < 4


def test_where_the_bounds_end_is_said():
    class Gate(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = torch.nn.Linear(4, 8), torch.nn.Linear(8, 8)

        def forward(self, x):
            h = torch.relu(self.first(x))
            return torch.relu(self.second(h * h.flip(1)))

    inspection = nonlin.inspect(Gate(), torch.rand(40, 4), box=(0.0, 1.0))
    assert inspection.calls[0].proven_dead is not None
    assert inspection.calls[1].proven_dead is None
    assert inspection.unbounded


def test_a_wrong_box(planted):
    with pytest.raises(InvalidInputError, match="none of low above high"):
        nonlin.inspect(planted, data(), box=(1, 0))
