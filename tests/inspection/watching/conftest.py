import pytest
import torch
from torch import nn
from torch.nn import functional


class Everything(nn.Module):
    """Calls as modules, shared, in place, functional and written out, on images."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 8, 3)
        self.act = nn.ReLU(inplace=True)
        self.a, self.b, self.c = nn.Linear(8, 12), nn.Linear(12, 12), nn.Linear(12, 12)
        self.slope = nn.PReLU(12)
        self.out = nn.Linear(12, 3)

    def forward(self, x):
        x = self.act(self.conv(x)).mean((2, 3))
        x = self.act(self.a(x))
        u = self.b(x)
        x = x + u * torch.sigmoid(u)
        x = torch.tanh(4 * self.c(x))
        x = functional.gelu(self.slope(self.c(x)))
        return self.out(x)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture
def everything():
    return Everything()


@pytest.fixture
def images():
    return torch.randn(40, 2, 6, 6)


@pytest.fixture
def train():
    """Trains for some steps on one batch, or on one batch a step."""

    def run(model, data, steps=3, rate=0.0):
        optimizer = torch.optim.SGD(model.parameters(), rate)
        for step in range(steps):
            optimizer.zero_grad()
            model(data[step] if isinstance(data, list) else data).square().sum().backward()
            optimizer.step()

    return run
