"""The claims of "Breaking linearity with ReLU"."""

import numpy as np
from claim import Claim, judged
from made import dense, random_weights

import nonlin
from nonlin.errors import InvalidInputError
from nonlin.networks import evaluate

__all__ = ["TITLE", "claims"]

TITLE = "Breaking linearity with ReLU"


def claims() -> list[Claim]:
    """Settle them."""
    return [collapse(), passes(), bias(), pieces(), additivity(), homogeneity(), universal(), jump()]


def collapse() -> Claim:
    """Compare a two-layer network without activations with one affine map, and count its pieces."""
    weights = random_weights((2, 32, 1), 0)
    (first, b), (second, c) = weights
    network = dense(weights, None)
    found = nonlin.geometry.box(network, np.full(2, -10.0), np.full(2, 10.0))
    x = np.random.default_rng(0).uniform(-10, 10, (10_000, 2))
    expected = x @ (second @ first).T + (second @ b + c)
    error = float(np.abs(evaluate(network, {"x": x})[0] - expected).max())
    same = found.count == 1 and error < 1e-11
    return Claim(
        said="A two-layer network without an activation function is one linear regression.",
        settled="W₂(W₁x + b₁) + b₂ against (W₂W₁)x + (W₂b₁ + b₂) at 10,000 points; `nonlin.geometry.box`",
        found=f"{found.count} linear region; largest difference below {_power(error)}, which is rounding",
        verdict=judged(holds=same, fails=not same),
    )


def _power(value: float) -> str:
    return f"1e{int(np.ceil(np.log10(max(value, 1e-300))))}"


def passes() -> Claim:
    """Judge 10x."""
    found = nonlin.linearity("10 * x")
    holds = found.verdict == "linear" and found.additivity is None and found.homogeneity is None
    return Claim(
        said="f(x) = 10x is additive and homogeneous, so it is linear.",
        settled='`nonlin.linearity("10 * x")`',
        found=f"{found.verdict}, {found.status}: {found.reason}",
        verdict=judged(holds=holds, fails=not holds),
    )


def bias() -> Claim:
    """Judge 10x + 3."""
    found = nonlin.linearity("10 * x + 3")
    holds = found.verdict == "affine"
    return Claim(
        said="With a bias the map is affine, no longer linear.",
        settled='`nonlin.linearity("10 * x + 3")`',
        found=f"{found.verdict}, {found.status}: {found.additivity.text if found.additivity else 'additive'}",
        verdict=judged(holds=holds, fails=not holds),
    )


def pieces() -> Claim:
    """Count the affine pieces of ReLU."""
    found, p = nonlin.linearity("relu"), nonlin.function("relu").pieces or ()
    holds = found.verdict == "piecewise linear" and len(p) == 2
    return Claim(
        said="ReLU is piecewise linear.",
        settled='`nonlin.linearity("relu")`, `f.pieces`, in exact arithmetic',
        found=f"{found.verdict}, {found.status}: {len(p)} pieces, of slopes {' and '.join(f'{q.slope:g}' for q in p)}",
        verdict=judged(holds=holds, fails=not holds),
    )


def additivity() -> Claim:
    """Look for numbers that break additivity."""
    found = nonlin.linearity("relu").additivity
    return Claim(
        said="ReLU breaks additivity.",
        settled='a worked example from `nonlin.linearity("relu")`',
        found=found.text if found else "no example",
        verdict=judged(holds=found is not None, fails=found is None),
    )


def homogeneity() -> Claim:
    """Look for factors that break homogeneity, negative and positive ones."""
    relu, found = nonlin.function("relu"), nonlin.linearity("relu").homogeneity
    x = np.random.default_rng(0).normal(size=10_000)
    factors = 2.0 ** np.arange(-8, 9)  # powers of two, so that nothing is rounded
    kept = all(np.array_equal(relu(c * x), c * relu(x)) for c in factors)
    return Claim(
        said="ReLU breaks homogeneity, f(cx) = c·f(x).",
        settled="`nonlin.linearity`; f(cx) = c·f(x) at 10,000 points for 17 positive factors, to the last bit",
        found=f"{found.text if found else 'no example'}; for positive c {'never broken' if kept else 'broken, too'}",
        verdict=judged(holds=found is not None, fails=kept),
        on="the factor: negative ones break it, positive ones never do",
    )


def universal() -> Claim:
    """Build networks for four functions, with a proven error."""
    rows = []
    for formula, interval in (
        ("sin(x)", (-3, 3)),
        ("exp(x)", (-1, 2)),
        ("x * x", (-1, 1)),
        ("gelu", (-4, 4)),
    ):
        counts = [nonlin.approximate(formula, interval, tolerance=10.0**-k) for k in (1, 2, 3)]
        rows.append(
            (formula, counts, all(c.error <= 10.0**-k for k, c in zip((1, 2, 3), counts, strict=True)))
        )
    listed = "; ".join(f"{formula} {', '.join(str(c.pieces) for c in counts)}" for formula, counts, _ in rows)
    holds = all(kept and all(c.status == "proved" for c in counts) for _, counts, kept in rows)
    return Claim(
        said="Enough ReLUs can build any function: a continuous one, on a bounded interval.",
        settled="`nonlin.approximate`: the network with the fewest ReLUs for an error of 0.1, 0.01 and 0.001, the error proved",
        found=f"ReLUs needed: {listed}",
        verdict=judged(holds=holds, fails=not holds),
    )


def jump() -> Claim:
    """Try what is not continuous: near a jump of 1 the error of a continuous function is at least ½."""
    try:
        nonlin.approximate("step", (-1, 1), tolerance=0.4)
    except InvalidInputError as error:
        refused = str(error)
    else:
        refused = ""
    smooth = nonlin.function("relu").properties.smoothness
    continuous = smooth.value is not None and smooth.value >= 0
    return Claim(
        said="Enough ReLUs can build any function at all.",
        settled="a network of ReLUs is continuous (`f.properties.smoothness`), so beside a jump of 1 it is off by ½; "
        '`nonlin.approximate("step", (-1, 1), tolerance=0.4)`',
        found=f"smoothness of ReLU: C{'⁰' if continuous else '⁻¹'}, {smooth.status}; "
        + (
            f"the approximation is refused: {refused.partition(';')[0]}"
            if refused
            else "an approximation was found"
        ),
        verdict=judged(holds=not refused, fails=bool(refused) and continuous),
        on="a jump cannot be built, whatever the number of ReLUs; its height can be moved into a steep piece",
        when="false",
    )
