"""Everything that is proved of random formulas is attacked by samples and a search, decided by mpmath from the text."""

from dataclasses import replace

import pytest
from attacks import ATTACKS, contradictions
from random_formulas import draw

import nonlin
from nonlin.functions.property import proved

FEW = (0, 2, 18, 20, 25, 74)
UNRESOLVED = {1178}  # sin(exp(0.3*x - 1.5)) turns several times between two samples
EXAMPLES = (
    "min(x, 0.5) * (silu(2*x + 2) - x)",  # f(x) − x touches 0 at −1
    "hardswish(hardtanh(2*x - 2))",  # the supremum 2/3 is no float64
    "erf(x)",  # nor is the slope 2/√π
    "exp(x - 1)",  # touches the identity at 1
)


def attacked(formula):
    f = nonlin.define(formula)
    return contradictions(formula, f, f.properties)


@pytest.mark.parametrize("formula", EXAMPLES)
def test_what_was_wrong_once(formula):
    assert attacked(formula) == []


@pytest.mark.parametrize("seed", FEW)
def test_no_proof_is_contradicted(seed):
    assert attacked(draw(seed)) == []


@pytest.mark.campaign
@pytest.mark.parametrize("seed", [seed for seed in range(1000, 1300) if seed not in UNRESOLVED])
def test_no_proof_of_many_is_contradicted(seed):
    assert attacked(draw(seed)) == []


WRONG = {
    "range": (-0.2784, float("inf")),
    "attained": (False, True),
    "limits": (0.0, 1.0),
    "kinks": (0.0,),
    "smoothness": -1,
    "monotone": "increasing",
    "convex": "convex",
    "odd": True,
    "even": True,
    "bounded": True,
    "lipschitz": 1.0998,
    "fixed_points": (),
    "piecewise_linear": True,
    "linearity": "affine",
}


@pytest.mark.parametrize("name", ATTACKS)
def test_each_attack_notices_a_wrong_claim(name):
    f = nonlin.function("silu")
    wrong = replace(f.properties, **{name: proved(WRONG[name], "made up")})
    assert any(line.startswith(name) for line in contradictions("silu(x)", f, wrong))
