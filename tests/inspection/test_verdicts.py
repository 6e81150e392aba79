"""Every planted fault is found and named; healthy controls stay clean."""

from dataclasses import replace

import numpy as np
import pytest

from nonlin.inspection import Thresholds, inspect
from nonlin.inspection.verdicts import describe, findings

SAMPLES = np.random.default_rng(7).standard_normal((500, 16)).astype(np.float32)


def kinds(inspection, least="warning"):
    return {finding.kind for finding in inspection.at_or_above(least)}


@pytest.mark.parametrize("operator", ["Relu", "LeakyRelu", "Elu", "Tanh", "Softplus", "HardSwish", "Selu"])
def test_a_healthy_network_is_clean(mlp, he, operator):
    path = mlp([he(32, 16, 0), he(32, 32, 1), he(8, 32, 2)], [operator, operator])
    inspection = inspect(path, SAMPLES)
    assert inspection.healthy, str(inspection)
    assert [call.dead for call in inspection.calls] == [0, 0]


def test_dead_units_are_counted_and_named(mlp, he):
    weight, bias = he(32, 16, 0)
    bias[[3, 5, 30]] = -100
    inspection = inspect(mlp([(weight, bias), he(8, 32, 1)], ["Relu"]), SAMPLES)
    (finding,) = [f for f in inspection.findings if f.kind == "dead"]
    assert finding.units == (3, 5, 30) == inspection.calls[0].dead_units
    assert finding.severity == "warning"
    assert finding.samples == 500
    assert finding.figure == pytest.approx(3 / 32)
    assert "0.60%" in finding.message
    assert inspection.calls[0].verdict == "dead"


def test_dead_layer_is_an_error(mlp, he):
    weight, bias = he(8, 16, 0)
    inspection = inspect(mlp([(weight, bias - 100), he(4, 8, 1)], ["Relu"]), SAMPLES)
    assert inspection.findings[0].kind == "dead"
    assert inspection.findings[0].severity == "error"


def test_with_few_samples_nothing_is_called_dead(mlp, he):
    weight, bias = he(8, 16, 0)
    inspection = inspect(mlp([(weight, bias - 100), he(4, 8, 1)], ["Relu"]), SAMPLES[:29])
    assert inspection.healthy
    assert inspection.calls[0].dead == 8
    assert "too few" in next(f.message for f in inspection.findings if f.kind == "dead")
    alone = inspect(mlp([(weight, bias - 100), he(4, 8, 1)], ["Relu"]), SAMPLES[:1])
    assert "no gradient on the only sample, too few" in next(
        f.message for f in alone.findings if f.kind == "dead"
    )


def test_a_sparse_layer_is_not_dead(mlp):
    """Each unit fires on 3 % of the samples: sparse, not dead, not saturated."""
    threshold = np.quantile(SAMPLES, 0.97, axis=0)
    path = mlp([(np.eye(16), -threshold), (np.ones((4, 16)), np.zeros(4))], ["Relu"])
    inspection = inspect(path, SAMPLES)
    (call,) = inspection.calls
    assert call.sparsity == pytest.approx(0.97, abs=0.002)
    assert (call.dead, call.saturated, call.verdict) == (0, 0, "healthy")


@pytest.mark.parametrize("operator", ["Sigmoid", "Tanh", "HardSigmoid", "Softsign"])
def test_saturated_units_are_found(mlp, he, operator):
    weight, bias = he(16, 16, 0)
    weight[:10] *= 100  # a thousand, and some have no gradient on any sample: dead, not saturated
    inspection = inspect(mlp([(weight, bias), he(4, 16, 1)], [operator]), SAMPLES)
    (finding,) = [f for f in inspection.findings if f.kind == "saturated"]
    assert finding.units == tuple(range(10))
    assert finding.severity == "warning"


@pytest.mark.parametrize(
    ("operator", "word"), [("Relu", "always on"), ("LeakyRelu", "one side"), ("Tanh", "act linearly")]
)
def test_a_call_that_acts_linearly_is_named(mlp, he, operator, word):
    weight, bias = he(16, 16, 0)
    bias = bias + 100
    if operator == "Tanh":
        weight, bias = weight * 1e-4, bias * 0
    inspection = inspect(mlp([(weight, bias), he(4, 16, 1)], [operator]), SAMPLES)
    (finding,) = [f for f in inspection.findings if f.kind == "linear"]
    assert finding.severity == "warning"
    assert word in finding.message
    assert inspection.calls[0].linear == 16


def test_affine_layers_in_a_row_collapse(mlp, he):
    path = mlp([he(64, 16, 0), he(32, 64, 1), he(32, 32, 2), he(4, 32, 3)], [None, None, "Relu"])
    inspection = inspect(path, SAMPLES)
    (collapse,) = inspection.collapses
    assert collapse.layers == ("dense0", "dense1", "dense2")
    assert collapse.parameters == 16 * 64 + 64 + 64 * 32 + 32 + 32 * 32 + 32
    assert collapse.merged == 16 * 32 + 32
    assert "collapse" in kinds(inspection)


def test_a_factorised_layer_is_no_fault(mlp, he):
    path = mlp([he(2, 16, 0), he(32, 2, 1), he(4, 32, 2)], [None, "Relu"])
    inspection = inspect(path, SAMPLES)
    (finding,) = [f for f in inspection.findings if f.kind == "collapse"]
    assert finding.severity == "note"
    assert "choice" in finding.message


def test_vanishing_gradients_are_found(mlp):
    rng = np.random.default_rng(0)
    layers = [(rng.standard_normal((16, 16)) / 4, np.zeros(16)) for _ in range(12)]
    inspection = inspect(mlp(layers, ["Sigmoid"] * 11), SAMPLES)
    finding = inspection.findings[0]
    assert (finding.kind, finding.severity, finding.call) == ("vanishing", "error", "act0")
    assert finding.figure < 1e-5


def test_a_sure_softmax_is_no_yardstick_for_gradients(mlp, he):
    """At the probabilities the loss of one wrong, sure answer has a gradient of 1 / p; at its scores, under √2."""
    weight, bias = he(4, 32, 1)
    inspection = inspect(
        mlp([he(32, 16, 0), (weight * 30, bias), (np.eye(4), np.zeros(4))], ["Tanh", "Softmax"]), SAMPLES
    )
    hidden, last = inspection.recording.calls
    sure = replace(inspection.recording, calls=(hidden, replace(last, gradient=1e12)))
    calls = [describe(call, Thresholds()) for call in sure.calls]
    assert hidden.gradient > 0
    assert not {f.kind for f in findings(sure, calls, Thresholds())} & {"vanishing", "exploding"}


def test_exploding_gradients_are_found(mlp):
    rng = np.random.default_rng(0)
    layers = [(rng.standard_normal((16, 16)) * 2, np.zeros(16)) for _ in range(12)]
    inspection = inspect(mlp(layers, ["Relu"] * 11), SAMPLES)
    assert any(f.kind == "exploding" and f.call == "act0" for f in inspection.at_or_above("error"))


def test_overflow_is_an_error(mlp, he):
    weight, bias = he(8, 16, 0)
    inspection = inspect(
        mlp([(weight * 1e30, bias), (np.ones((4, 8)) * 1e30, np.zeros(4))], ["Relu"]), SAMPLES
    )
    assert "nonfinite" in kinds(inspection, "error")


def test_thresholds_can_be_changed(mlp, he):
    weight, bias = he(32, 16, 0)
    bias[3] = -100
    path = mlp([(weight, bias), he(8, 32, 1)], ["Relu"])
    assert inspect(path, SAMPLES).healthy
    assert not inspect(path, SAMPLES, thresholds=Thresholds(dead=0.01)).healthy


def test_the_gradient_is_that_of_the_loss(mlp, he):
    """For one layer and a loss, the gradient at the call is Wᵀ (softmax(z) − onehot)."""
    first, second = he(8, 16, 0), he(3, 8, 1)
    labels = np.arange(500) % 3
    (call,) = inspect(mlp([first, second], ["Relu"]), SAMPLES, labels).calls
    hidden = np.maximum(SAMPLES @ first[0].astype(np.float32).T, 0)
    logits = hidden @ second[0].astype(np.float32).T
    share = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    gradient = (share - np.eye(3)[labels]) @ second[0]
    assert call.gradient == pytest.approx(np.sqrt(np.mean(np.sum(gradient**2, axis=1))), rel=1e-5)


def test_the_verdict_does_not_depend_on_the_batches(mlp, he):
    path = mlp([he(32, 16, 0), he(8, 32, 1)], ["Relu"])
    whole, cut = inspect(path, SAMPLES, batch_size=500), inspect(path, SAMPLES, batch_size=7)
    for name in ("dead", "sparsity", "linear", "samples", "values"):
        assert getattr(whole.calls[0], name) == getattr(cut.calls[0], name)
    for name in ("mean", "std", "gradient", "slope_mean"):
        assert getattr(whole.calls[0], name) == pytest.approx(getattr(cut.calls[0], name), rel=1e-5)


def test_a_sure_answer_is_no_fault(mlp, he):
    weight, bias = he(4, 16, 1)
    path = mlp([he(16, 16, 0), (100 * weight, bias)], ["Relu", "Sigmoid"])
    inspection = inspect(path, SAMPLES)
    (finding,) = [f for f in inspection.findings if f.kind == "saturated"]
    assert finding.severity == "note"
    assert "sure answers" in finding.message
    assert not [f for f in inspection.findings if f.kind == "uncentred"]
    assert inspection.gradient_of == "a random direction of the outputs before the final sigmoid"
    assert inspection.calls[0].gradient is not None
    assert inspection.calls[1].gradient is None


def test_saturation_between_layers_is_a_fault(mlp, he):
    weight, bias = he(16, 16, 0)
    inspection = inspect(mlp([(100 * weight, bias), he(4, 16, 1)], ["Sigmoid"]), SAMPLES)
    assert [f.severity for f in inspection.findings if f.kind == "saturated"] == ["warning"]


def test_a_dead_unit_that_cannot_fire_gets_no_gradient(mlp, he):
    weight, bias = he(16, 16, 0)
    bias[3] = 100
    inspection = inspect(mlp([(weight, bias), he(4, 16, 1)], ["Tanh"]), SAMPLES)
    assert "each gets one on fewer than" in next(f.message for f in inspection.findings if f.kind == "dead")
