"""ACAS Xu's properties 1 to 4 on two networks, in the folder that NONLIN_NETWORKS names."""

import os
from pathlib import Path

import pytest

from nonlin import read
from nonlin.geometry import verify

DATA = Path(os.environ.get("NONLIN_NETWORKS", "")) / "acasxu"
ANSWERS = {(name, number): "unsat" for name in ("1_1", "3_3") for number in (1, 2, 3, 4)}
"""What is published."""


@pytest.mark.campaign
@pytest.mark.parametrize(("name", "number"), ANSWERS)
def test_acas(name, number):
    model, prop = DATA / f"ACASXU_run2a_{name}_batch_2000.onnx", DATA / f"prop_{number}.vnnlib"
    if "NONLIN_NETWORKS" not in os.environ or not model.exists():
        pytest.skip("NONLIN_NETWORKS does not name a folder with acasxu")
    assert verify(read(model), prop, timeout=60, model=model).status == ANSWERS[name, number]
