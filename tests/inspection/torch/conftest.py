import numpy as np
import pytest
import torch

from nonlin.inspection.recording import Batch
from nonlin.inspection.torch import record


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture
def run():
    def run_model(model, x, labels=None, *, batches=1):
        x = x.numpy() if isinstance(x, torch.Tensor) else np.asarray(x)
        parts = np.array_split(np.arange(len(x)), batches)
        data = [
            Batch(inputs={"x": x[part]}, labels=None if labels is None else labels[part], size=len(part))
            for part in parts
        ]
        return record(model, data)

    return run_model


@pytest.fixture
def names():
    def names_of(recording):
        return [(call.site.name, call.site.function.label) for call in recording.calls]

    return names_of
