"""The claims of "Activation functions and non-linearity"."""

from itertools import combinations

import numpy as np
from claim import Claim, judged
from made import dense
from scipy.optimize import linprog
from timed import costs
from trained import LOW, deep, digits, train

import nonlin
from nonlin.networks import evaluate

__all__ = ["CORNERS", "TITLE", "claims", "exclusive_or"]

TITLE = "Activation functions and non-linearity"

CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
DIFFERENT = np.array([0, 1, 1, 0])


def claims() -> list[Claim]:
    """Settle them."""
    found = [quadratic(), one_step(), steps(), needs_slope(), ranges(), derivatives(), simplex(), vanishing()]
    return [*found, centred(), zero_centred(), expensive(), dying(), leak(), unbounded(), slope(), suits()]


def quadratic() -> Claim:
    """Judge a line, a line with a bias and a parabola."""
    verdicts = [nonlin.linearity(formula) for formula in ("2 * x", "2 * x + 1", "x ** 2")]
    holds = [v.verdict for v in verdicts] == ["linear", "affine", "nonlinear"]
    return Claim(
        said="2x is linear, 2x + 1 is affine, x² is neither.",
        settled="`nonlin.linearity`",
        found="; ".join(f"{v.verdict} ({v.status})" for v in verdicts)
        + (f"; {verdicts[2].additivity.text}" if verdicts[2].additivity else ""),
        verdict=judged(holds=holds, fails=not holds),
    )


def _separable(corners: np.ndarray, labels: np.ndarray) -> bool:
    """Say whether a line separates the labels: whether s·(w·x + b) ≥ 1 has a solution, by a linear program."""
    signs = np.where(labels == 1, 1.0, -1.0)[:, None]
    rows = -signs * np.column_stack([corners, np.ones(len(corners))])
    return bool(
        linprog(np.zeros(3), A_ub=rows, b_ub=-np.ones(len(corners)), bounds=[(None, None)] * 3).status == 0
    )


def _best_line() -> int:
    """Return the most corners of exclusive or that one line gets right."""
    return max(
        size
        for size in range(1, 5)
        for rows in combinations(range(4), size)
        if _separable(CORNERS[list(rows)], DIFFERENT[list(rows)])
    )


def one_step() -> Claim:
    """Show that one perceptron cannot do exclusive or."""
    best = _best_line()
    return Claim(
        said="A single perceptron, with a step function, is a linear classifier.",
        settled="exclusive or: the most of its four corners that one line separates, by linear programs over all subsets",
        found=f"{best} of 4",
        verdict=judged(holds=best < 4, fails=best == 4),
    )


def exclusive_or() -> nonlin.Network:
    """Return three perceptrons with step functions: at least one, both, and the one without the other."""
    first = (np.array([[1.0, 1.0], [1.0, 1.0]]), np.array([-0.5, -1.5]))
    second = (np.array([[1.0, -1.0]]), np.array([-0.5]))
    return dense([first, second], "step", last=True)


def steps() -> Claim:
    """Let three perceptrons do what no linear classifier can."""
    network = exclusive_or()
    answers = evaluate(network, {"x": CORNERS})[0][:, 0]
    right = int((answers == DIFFERENT).sum())
    cells = list(nonlin.geometry.box(network, np.full(2, -1.0), np.full(2, 2.0)).cells)
    middles = np.array([cell.vertices.mean(axis=0) for cell in cells])
    seen = evaluate(network, {"x": middles[np.argsort(middles.sum(axis=1))]})[0][:, 0]
    return Claim(
        said="A stack of step-function perceptrons is still a linear classifier.",
        settled="exclusive or by three perceptrons in two layers, their weights written down; `nonlin.geometry.box`",
        found=f"{right} of 4 right, where a line gets {_best_line()}; {len(cells)} regions from corner to corner, their "
        f"answers {', '.join(f'{answer:g}' for answer in seen)}",
        verdict=judged(holds=right < 4, fails=right == 4),
        on="one perceptron is a linear classifier, two layers of them are not: see the picture below",
        when="false",
    )


def needs_slope() -> Claim:
    """Compare the slopes of a step and of a ReLU."""
    step, relu = nonlin.function("step"), nonlin.function("relu")
    x = np.linspace(-3, 3, 10_001)
    flat, bent = float(np.abs(step.slope(x)).max()), relu.properties.kinks.value or ()
    return Claim(
        said="Gradient descent needs a function with a derivative everywhere.",
        settled="slopes of the step and of ReLU; ReLU trained on digits for 300 steps of SGD",
        found=f"step: slope {flat:g} wherever it has one, so nothing learns; ReLU has none at {bent[0]:g} and learns: "
        f"{train('relu', rate=0.1).accuracy:.0%} right",
        verdict=judged(holds=flat == 0, fails=len(bent) > 0),
        on="a slope that is 0 everywhere stops it; one that is missing at a point does not",
        repeats=False,
    )


def ranges() -> Claim:
    """Prove ranges and largest slopes of sigmoid and tanh."""
    rows = [(name, nonlin.function(name).properties) for name in ("sigmoid", "tanh")]
    expected = [((0.0, 1.0), 0.25), ((-1.0, 1.0), 1.0)]
    holds = [(p.range.value, p.lipschitz.value) for _, p in rows] == expected
    listed = "; ".join(
        f"{n}: ({p.range.value[0]:g}, {p.range.value[1]:g}), {p.lipschitz.value:g}" for n, p in rows
    )
    status = {p.range.status for _, p in rows} | {p.lipschitz.status for _, p in rows}
    return Claim(
        said="Sigmoid lies between 0 and 1 and its derivative is at most ¼; tanh between −1 and 1, at most 1.",
        settled="`f.properties.range`, `f.properties.lipschitz`",
        found=f"{listed}; {', '.join(status)}",
        verdict=judged(holds=holds, fails=not holds),
    )


def derivatives() -> Claim:
    """Compare slopes with the formulas of textbooks."""
    x = np.linspace(-20, 20, 10_001)
    sigmoid, tanh = 1 / (1 + np.exp(-x)), np.tanh(x)
    formulas = {
        "sigmoid": sigmoid * (1 - sigmoid),
        "tanh": 1 - tanh**2,
        "swish": sigmoid + x * sigmoid * (1 - sigmoid),
    }
    errors = {
        name: float(np.abs(nonlin.function(name).slope(x) - right).max()) for name, right in formulas.items()
    }
    holds = max(errors.values()) < 1e-14  # 1 − σ is rounded to 1e-16, and taken up to 20 times
    return Claim(
        said="The derivatives: σ′ = σ(1 − σ), tanh′ = 1 − tanh², Swish′ = σ + xσ(1 − σ).",
        settled=f"`f.slope`, which is derived from the definition, against these formulas in plain NumPy at {len(x):,} points from −20 to 20",
        found="largest difference: " + ", ".join(f"{name} {error:.0e}" for name, error in errors.items()),
        verdict=judged(holds=holds, fails=not holds),
    )


def simplex() -> Claim:
    """Ask for softmax's sum."""
    found = nonlin.function("softmax").properties.sums_to_one
    return Claim(
        said="Softmax makes a probability distribution.",
        settled='`nonlin.function("softmax").properties.sums_to_one`',
        found=f"{'yes' if found.value else 'no'}, {found.status}",
        verdict=judged(holds=bool(found.value), fails=not found.value),
    )


def vanishing() -> Claim:
    """Measure the gradient through 30 layers of sigmoid and of tanh."""
    rows = {(name, own): deep(name, own=own) for name in ("sigmoid", "tanh") for own in (False, True)}
    listed = "; ".join(
        f"{name}, {'its own gain' if own else 'PyTorch’s default'}: 10^{value:.1f}"
        for (name, own), value in rows.items()
    )
    gone = [value < -3 for value in rows.values()]
    return Claim(
        said="With sigmoid and tanh the gradient vanishes in deep networks.",
        settled="30 layers of 128 units at initialisation, `nonlin.inspect`: the gradient at the first call over that at the last",
        found=listed,
        verdict=judged(holds=any(gone), fails=not all(gone)),
        on="the initialisation, for tanh; for sigmoid it vanishes with both"
        if gone == [True, True, True, False]
        else "",
        repeats=False,
    )


def centred() -> Claim:
    """Integrate sigmoid and tanh over a normal distribution."""
    means = {name: nonlin.function(name).moments().mean for name in ("sigmoid", "relu")}
    holds = all(mean > 0.3 for mean in means.values())
    return Claim(
        said="The outputs of sigmoid and ReLU are not centred on zero.",
        settled="the mean under a standard normal distribution, `f.moments().mean`",
        found=", ".join(f"{name} {mean:.4f}" for name, mean in means.items()),
        verdict=judged(holds=holds, fails=not holds),
    )


def zero_centred() -> Claim:
    """Ask whether tanh is odd, and how far its mean moves with that of its input."""
    f = nonlin.function("tanh")
    odd = f.properties.odd
    return Claim(
        said="The outputs of tanh are centred on zero.",
        settled="`f.properties.odd`: an odd function of an input that is symmetric about 0 has mean 0",
        found=f"odd: {'yes' if odd.value else 'no'}, {odd.status}; mean {abs(round(f.moments().mean, 12)):g}",
        verdict=judged(holds=bool(odd.value), fails=not odd.value),
        on="inputs that are centred themselves",
        when="true",
    )


def expensive() -> Claim:
    """Time sigmoid and tanh beside ReLU."""
    relu, *others = costs()
    listed = "; ".join(
        f"{cost.name}: {cost.accurate / relu.accurate:.1f} times alone in the cache, "
        f"{cost.large / relu.large:.1f} in memory, {cost.step / relu.step:.2f} in a training step"
        for cost in others
    )
    dear = [cost.accurate / relu.accurate > 2 for cost in others]
    cheap = [cost.step / relu.step < 2 for cost in others]
    return Claim(
        said="Sigmoid and tanh are expensive to compute.",
        settled="`nonlin bench relu sigmoid tanh`, one thread, relative to ReLU; the step is of an MLP of three layers of 256",
        found=listed,
        verdict=judged(holds=any(dear), fails=all(cheap)),
        on="where: alone in the cache they are; in a training step matrix products take the time",
        repeats=False,
    )


def _dead(name: str, *, rate: float, bias: float) -> tuple[int, int]:
    """Return how many hidden units of a trained network are dead on the digits, and of how many."""
    calls = nonlin.inspect(train(name, rate=rate, bias=bias).model, digits()[0]).calls
    return sum(call.dead or 0 for call in calls), sum(call.units or 0 for call in calls)


def dying() -> Claim:
    """Count dead units after a gentle and after a rough training."""
    (gentle, units), (rough, _) = _dead("relu", rate=0.1, bias=0.0), _dead("relu", rate=1.0, bias=0.0)
    return Claim(
        said="ReLUs can die: units that never fire again.",
        settled="two networks of 2×64 ReLUs trained on digits with learning rates 0.1 and 1, `nonlin.inspect`",
        found=f"{gentle} and {rough} of {units} dead on all {len(digits()[0])} images",
        verdict=judged(holds=rough > 0, fails=False),
        on="it happens; how often depends on the learning rate",
        when="true",
        repeats=False,
    )


def leak() -> Claim:
    """Count dead units with a leak."""
    (plain, units), (leaky, _) = _dead("relu", rate=0.1, bias=LOW), _dead("leaky_relu", rate=0.1, bias=LOW)
    slopes = sorted(piece.slope for piece in nonlin.function("leaky_relu").pieces or ())
    return Claim(
        said="Leaky ReLU solves the problem of dead neurons.",
        settled="its slopes, in exact arithmetic; two networks on digits whose hidden biases start at −4, so that hardly a unit fires, "
        "`nonlin.inspect`",
        found=f"slopes {' and '.join(f'{slope:g}' for slope in slopes)}, never 0; dead: {leaky} of {units}, with ReLU {plain}; right: "
        f"{train('leaky_relu', rate=0.1, bias=LOW).accuracy:.0%}, with ReLU {train('relu', rate=0.1, bias=LOW).accuracy:.0%}",
        verdict=judged(holds=leaky == 0 and slopes[0] > 0, fails=leaky > 0),
        on="no unit is without a gradient; that the network is then good is another matter",
        when="true",
        repeats=False,
    )


def unbounded() -> Claim:
    """Prove the range of ReLU, and follow the length of signals through 30 layers."""
    p, second = nonlin.function("relu").properties, nonlin.function("relu").moments().second
    growth = {variance: (variance * second) ** 30 for variance in (1, 2, 4)}
    return Claim(
        said="ReLU's values are unbounded and can explode.",
        settled="`f.properties.bounded`; the size of the signal after 30 layers, (σ²·E f²)³⁰ with weights of variance σ²/fan-in",
        found=f"bounded: {'yes' if p.bounded.value else 'no'}, {p.bounded.status}; "
        + ", ".join(f"σ² = {variance}: {value:.2g}" for variance, value in growth.items()),
        verdict=judged(
            holds=not p.bounded.value and growth[4] > 1e3, fails=bool(p.bounded.value) or growth[2] < 2
        ),
        on="the weights: they explode with twice the right variance, stay with the right one, vanish with half of it",
    )


def slope() -> Claim:
    """Compare slopes of the leak over seeds, in a gentle and in a rough training."""
    slopes, seeds = (0.0, 0.01, 0.1, 0.3), range(5)
    listed, clear = [], []
    for rate in (0.1, 1.0):
        runs = [
            [train("leaky_relu", rate=rate, slope=s, seed=seed).accuracy for seed in seeds] for s in slopes
        ]
        means, noise = np.mean(runs, axis=1), float(np.std(runs, axis=1, ddof=1).mean()) / len(seeds) ** 0.5
        clear.append(float(np.ptp(means)) > 4 * noise)
        listed.append(f"rate {rate:g}: {', '.join(f'{mean:.1%}' for mean in means)} (± {noise:.1%})")
    return Claim(
        said="The slope of the leak is worth tuning.",
        settled="digits, slopes 0, 0.01, 0.1 and 0.3, five seeds each: mean accuracy and its standard error",
        found="; ".join(listed),
        verdict=judged(holds=any(clear), fails=not all(clear)),
        on=f"the training: a difference of over four standard errors with rate 0.1: {_yes(clear[0])}, with rate 1: {_yes(clear[1])}",
        repeats=False,
    )


def suits() -> Claim:
    """Train the same network with four functions."""
    names, seeds = ("relu", "leaky_relu", "tanh", "sigmoid"), range(5)
    runs = [[train(name, rate=0.1, seed=seed).accuracy for seed in seeds] for name in names]
    means, noise = np.mean(runs, axis=1), float(np.std(runs, axis=1, ddof=1).mean()) / len(seeds) ** 0.5
    order = np.sort(means)[::-1]
    return Claim(
        said="Try several functions and see which suits your model.",
        settled="digits, four functions, five seeds each: mean accuracy and its standard error (`nonlin compare` does it for a model of yours)",
        found=", ".join(f"{name} {mean:.1%}" for name, mean in zip(names, means, strict=True))
        + f" (± {noise:.1%})",
        verdict=judged(holds=order[0] - order[-1] > 4 * noise, fails=order[0] - order[1] < 4 * noise),
        on="what you look for: the worst stands apart by over four standard errors, the best two do not",
        repeats=False,
    )


def _yes(holds: bool) -> str:  # noqa: FBT001 - one word for one truth
    return "yes" if holds else "no"
