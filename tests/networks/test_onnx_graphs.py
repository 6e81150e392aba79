"""Random small graphs: what nonlin understands whole, ONNX Runtime agrees with."""

import contextlib

import numpy as np
import onnxruntime
import pytest
from hypothesis import HealthCheck, assume, given, settings
from onnx_graphs import graphs

from nonlin.errors import InvalidInputError, UnsupportedModelError
from nonlin.networks import evaluate, network_of

SETTINGS = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
# a few hundred float32 roundings of numbers of this size at most
TOLERANCE = 2e-5


def runtime(model, x):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        return session.run(None, {"x": x})[0]
    except Exception:  # noqa: BLE001 - it raises classes of its own; what it does not run is no oracle
        return None


def assert_close(got, expected):
    assert got.shape == expected.shape
    finite = np.isfinite(expected)
    size = max(1.0, float(np.abs(expected[finite]).max(initial=0.0)))
    np.testing.assert_allclose(got, expected, rtol=0, atol=TOLERANCE * size)


def data(graph, samples):
    return graph.random.uniform(-2, 2, (samples, *graph.start[1:])).astype(np.float32)


@SETTINGS
@given(graph=graphs())
@pytest.mark.parametrize("batch", ["N", 2])
def test_a_graph_does_what_onnx_runtime_does(graph, batch):
    model, x = graph.model(batch), data(graph, 2)
    network = network_of(model, name="made up")
    expected = runtime(model, x)
    assume(expected is not None and not network.opaque)
    (got,) = evaluate(network, {"x": x.astype(np.float64)})
    assert_close(got, expected)


@SETTINGS
@given(graph=graphs())
def test_a_graph_for_one_sample_takes_several_or_refuses(graph):
    model, x = graph.model(1), data(graph, 3)
    network = network_of(model, name="made up")
    expected = [runtime(model, x[i : i + 1]) for i in range(3)]
    assume(not network.opaque and expected[0] is not None and expected[0].shape[:1] == (1,))
    with contextlib.suppress(UnsupportedModelError, InvalidInputError):  # it says that it takes one only
        (got,) = evaluate(network, {"x": x.astype(np.float64)})
        assert_close(got, np.concatenate(expected))


def test_the_comparison_can_fail():
    with pytest.raises(AssertionError):
        assert_close(np.array([1.0, 2.0]), np.array([1.0, 2.0001]))
