"""Every test draws the same random numbers, whichever ran before it in the same process."""

import random
import sys

import numpy as np
import pytest

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
