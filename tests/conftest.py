"""Every test draws the same random numbers, in whatever order; and inspections that several folders look at."""

import random
import sys

import numpy as np
import pytest
from made_networks import some_data, write_network

from nonlin import demonstration
from nonlin.inspection import Inspection, inspect

STATES = {}


@pytest.fixture(autouse=True)
def the_same_numbers_in_any_order(request):
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - what a library draws from it
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)
    for name, value in vars(request.module).items():
        if isinstance(value, np.random.Generator):
            generator = value.bit_generator
            generator.state = STATES.setdefault((request.module.__name__, name), generator.state)


@pytest.fixture(scope="session")
def demo() -> Inspection:
    return inspect(demonstration.model_path(), demonstration.data_path())


@pytest.fixture
def made(tmp_path):
    """Return a function that makes a network of (name, operator) calls and inspects it."""

    def make(*calls, scale=1.0, **shape) -> Inspection:
        return inspect(write_network(tmp_path / "made.onnx", list(calls), **shape), some_data(scale=scale))

    return make
