import re
from collections import Counter
from pathlib import Path

import pytest
import torch
from torch import nn

import nonlin
from nonlin.testing import faults
from nonlin.testing.architectures import measured

CASES = faults()
CONTROLS = ("healthy", "sparse")
PAGE = Path(__file__).parents[2] / "docs" / "faults.md"

SCALAR = {
    "relu": nn.ReLU(), "leaky_relu": nn.LeakyReLU(0.1), "prelu": nn.PReLU(), "gelu": nn.GELU(), "silu": nn.SiLU(),
    "mish": nn.Mish(), "elu": nn.ELU(), "sigmoid": nn.Sigmoid(), "tanh": nn.Tanh(),
}  # fmt: skip
LARGEST = {"gelu": 1.1289, "silu": 1.0998, "mish": 1.0885, "sigmoid": 0.25}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_fault_is_found_and_named_and_every_control_is_clean(case):
    report = nonlin.inspect(case.build(), case.data(), batch_size=512)
    assert {(f.kind, f.call) for f in report.at_or_above("warning")} == case.expected


def slopes(case):
    """The relative slopes at the first call, by PyTorch's own autograd, shape (values, units)."""
    model, data = case.build(), case.data()
    u = measured(model.a if model.between is None else model.between, model, data).requires_grad_()
    SCALAR[case.function](u).sum().backward()
    return (u.grad / LARGEST.get(case.function, 1.0)).abs()


SHOWN = [
    case
    for case in CASES
    if case.form == "functional" and case.fault in ("dead", "linear", "saturated", *CONTROLS)
]


@pytest.mark.parametrize("case", SHOWN, ids=lambda case: case.name)
def test_the_faults_are_really_there(case):
    slope = slopes(case)
    dead = slope.amax(0) <= 1e-3
    linear = ~dead & (slope.amax(0) - slope.amin(0) <= 0.01)
    flat = (slope < 0.01).float().mean(0)
    units = slope.shape[1]
    assert int(dead.sum()) == (units // 4 if case.fault == "dead" else 0)
    assert bool(linear.all()) == (case.fault == "linear")
    if case.fault == "saturated":
        assert (flat > 0.5).float().mean() > 0.2
    if case.fault == "sparse":
        assert flat.mean() == pytest.approx(0.97, abs=0.005)
    assert slope.isfinite().all()


def test_the_set_is_the_product_of_all():
    assert len({case.name for case in CASES}) == len(CASES)
    healthy = Counter((case.architecture, case.function) for case in CASES if case.fault == "healthy")
    assert len(healthy) == 6 * 9
    assert sorted(set(healthy.values())) == [4, 5]
    assert all(bool(case.expected) == (case.fault not in CONTROLS) for case in CASES)


def test_models_are_the_same_every_time_and_leave_the_random_state():
    case = next(case for case in CASES if case.architecture == "attention")
    state = torch.get_rng_state()
    first, second = case.build().state_dict(), case.build().state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert torch.equal(case.data(), case.data())
    assert torch.equal(torch.get_rng_state(), state)


def test_the_table_in_the_documentation_counts_this_set():
    rows = re.findall(
        r"^\| ([\w-]+) \| (\d+) of (\d+) \| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    counted = Counter(case.fault for case in CASES)
    # found: all, or the first test fails
    assert {fault: (int(found), int(total)) for fault, found, total, _ in rows} == {
        fault: (0 if fault in CONTROLS else count, count) for fault, count in counted.items()
    }
