"""What the page of claims shows is what its script finds, where that comes out the same on every machine."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "claims.md").read_text(encoding="utf-8")

PROOFS = {
    "breaking_linearity": ["collapse", "passes", "bias", "pieces", "additivity", "homogeneity", "jump"],
    "folding": ["one_fold", "n_folds", "surfaces", "wider", "deeper", "wave"],
    "activation_functions": [
        "quadratic",
        "one_step",
        "steps",
        "ranges",
        "simplex",
        "centred",
        "zero_centred",
        "unbounded",
    ],
    "why_relu": ["stack", "leaks", "exponential"],
    "mathematics": [
        "nonlinear",
        "monotone",
        "differentiable",
        "discontinuous",
        "derivative",
        "binary",
        "numpy_form",
        "gradients",
    ],
}
WRONG = (
    "ReLU is discontinuous at 0.",
    "ReLU's derivative at 0 is 1.",
    "A stack of step-function perceptrons is still a linear",
)


@pytest.fixture(autouse=True)
def scripts(monkeypatch):
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(ROOT / "examples" / "claims"))
    yield
    for name in set(sys.modules) - before:
        if name in (*PROOFS, "claim", "made", "spread", "timed", "trained", "writing"):
            del sys.modules[name]


@pytest.mark.parametrize("article", PROOFS)
def test_the_page_shows_what_the_script_finds(article):
    from importlib import import_module

    from writing import row

    module = import_module(article)
    assert module.TITLE in PAGE
    for name in PROOFS[article]:
        claim = getattr(module, name)()
        assert claim.repeats
        assert row(claim) in PAGE, name


def test_a_wrong_row_is_noticed():
    from claim import Claim
    from writing import row

    assert row(Claim(said="ReLU is monotone.", settled="", found="no", verdict="false")) not in PAGE


@pytest.mark.parametrize("said", WRONG)
def test_the_articles_errors_are_called_false(said):
    (found,) = (line for line in PAGE.splitlines() if line.startswith(f"| {said}"))
    assert "**false**" in found
