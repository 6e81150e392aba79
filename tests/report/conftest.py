"""Inspections to draw: the demonstration's, and those of small networks."""

import sys
from pathlib import Path

import pytest

from nonlin import demonstration
from nonlin.inspection import Inspection, inspect

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]


@pytest.fixture(scope="session")
def demo() -> Inspection:
    return inspect(demonstration.model_path(), demonstration.data_path())


@pytest.fixture
def made(tmp_path):
    """Return a function that makes a network of (name, operator) calls and inspects it."""

    from made_networks import some_data, write_network  # on the path only since the lines above

    def make(*calls, scale=1.0, **shape) -> Inspection:
        return inspect(write_network(tmp_path / "made.onnx", list(calls), **shape), some_data(scale=scale))

    return make
