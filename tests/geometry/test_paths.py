"""Exact questions take the path of a network, as `nonlin.inspect` does."""

import numpy as np
import pytest

from nonlin import demonstration, geometry, read
from nonlin.errors import InvalidInputError, MissingInputError

PATH = demonstration.model_path()
with np.load(demonstration.data_path()) as data:
    FIRST, SECOND, THIRD = data["images"][:3].astype(float)
LOW, HIGH = np.zeros(64), np.where(np.arange(64) == 20, 16.0, 0.0)

QUESTIONS = {
    "line": lambda network: geometry.line(network, FIRST, SECOND).count,
    "plane": lambda network: geometry.plane(network, FIRST, SECOND, THIRD, window=(0, 0.1, 0, 0.1)).count,
    "box": lambda network: geometry.box(network, LOW, HIGH).count,
    "count": lambda network: geometry.count(network, LOW, HIGH).count,
    "region": lambda network: geometry.region(network, FIRST).distance(2),
    "output_range": lambda network: geometry.output_range(network, LOW, HIGH).maximum,
    "lipschitz": lambda network: geometry.lipschitz(network, LOW, HIGH).constant,
}


@pytest.mark.parametrize("ask", QUESTIONS.values(), ids=QUESTIONS)
def test_a_path_is_read(ask):
    assert ask(PATH) == ask(str(PATH)) == ask(read(PATH))


@pytest.mark.parametrize("ask", QUESTIONS.values(), ids=QUESTIONS)
def test_what_is_no_network_is_said_so(ask):
    with pytest.raises(MissingInputError, match=r"there is no nowhere\.onnx"):
        ask("nowhere.onnx")
    with pytest.raises(InvalidInputError, match=r"expected a model as the path of an ONNX file.*got int"):
        ask(3)


def test_a_property_by_path_is_tried_in_onnx_runtime_too(tmp_path):
    pytest.importorskip("onnxruntime")
    names = [f"(declare-const X_{i} Real)" for i in range(64)] + [
        f"(declare-const Y_{i} Real)" for i in range(10)
    ]
    ends = [f"(assert (and (>= X_{i} {x}) (<= X_{i} {x})))" for i, x in enumerate(FIRST.tolist())]
    place = tmp_path / "met.vnnlib"
    place.write_text("\n".join([*names, *ends, "(assert (>= Y_0 (- 1e6)))"]))
    assert geometry.verify(PATH, place).runtime is True
    assert geometry.verify(read(PATH), place).runtime is None
