"""Attacks on what is proved of a function: samples and a search for extremes, decided by mpmath from the text."""

from itertools import pairwise
from math import inf, isfinite, isinf, isnan

import mpmath
import numpy as np
from mpmath import mpf
from random_formulas import DIGITS, textbook
from scipy.optimize import minimize_scalar

_LOG, _NEAR_ZERO = np.logspace(-9, 4, 1000), np.linspace(-12, 12, 9601)
LINE = np.unique(np.concatenate([-_LOG, [0.0], _LOG, _NEAR_ZERO, np.linspace(-300, 300, 2401)]))
WORST = 4  # so many of the worst samples are decided by mpmath
NEAR = 1e-6  # an extreme value counts as found when a sample comes so near, relative to its size
TINY = mpf(10) ** -30


def contradictions(formula, f, properties):
    """Return a line for every proved property that is wrong, or that no sample bears out."""
    found = []
    with mpmath.workdps(DIGITS), np.errstate(all="ignore"):
        target = _Target(formula, f, properties)
        for name, attack in ATTACKS.items():
            claim = getattr(properties, name)
            if claim.status == "proved" and (wrong := _tried(attack, target, claim)):
                found.append(f"{name} = {claim.value}: {wrong}")
    return found


def _tried(attack, target, claim):
    try:
        return attack(target, claim)
    except OverflowError:
        return (
            None  # exp(exp(x)) where mpmath has no number for it bears out nothing, and contradicts nothing
        )


def _in_parts(f):
    """Return f of a number or of an array, which is taken in parts too small to be worth compiling for."""
    return lambda u: f(u) if np.ndim(u) == 0 else np.concatenate([f(part) for part in np.array_split(u, 4)])


class _Target:
    """A function, its float64 samples and its exact values."""

    def __init__(self, formula, f, properties):
        self.f, self.slope = _in_parts(f), _in_parts(f.slope)
        self.exact, self.properties = textbook(formula), properties
        self.kinks = kinks = np.array(properties.kinks.value or ())
        beside = [k + s * 2.0**-e * max(1, abs(k)) for k in kinks for s in (-1, 1) for e in (10, 20, 30, 40)]
        self.x = np.unique(np.concatenate([LINE, kinks, beside]))
        self.y = self.f(self.x)

    def lowest(self, sign):
        """Return arguments at which sign·f is low: samples, each with the best point between its neighbours."""
        values = np.where(np.isfinite(self.y), sign * self.y, inf)
        for i in np.argsort(values, kind="stable")[:WORST]:
            yield float(self.x[i])
            bounds = self.x[max(i - 1, 0)], self.x[min(i + 1, len(self.x) - 1)]
            best = minimize_scalar(lambda u: sign * self.f(float(u)), bounds=bounds, method="bounded")
            yield float(best.x)

    def changes(self, values, sign):
        """Return neighbouring samples between which sign·values rises most, absolutely and relative to its size."""
        steps = sign * np.diff(values)
        steps = np.where(np.isfinite(steps), steps, -inf)
        sizes = np.maximum(np.abs(values[1:]), np.abs(values[:-1])) + 1e-300
        for ranking in (steps, steps / sizes):
            for i in np.argsort(-ranking, kind="stable")[:WORST]:
                if steps[i] > 0:
                    yield float(self.x[i]), float(self.x[i + 1])

    def bends(self, point):
        """Return f⁺ − f⁻ and the difference of the slopes on both sides of a point, and the size of the slopes."""
        point, step = mpf(point), mpf(10) ** -14
        beside = [[self.exact(point + s * k * step) for k in (1, 2)] for s in (-1, 1)]
        slopes = [s * (far - near) / step for (near, far), s in zip(beside, (-1, 1), strict=True)]
        ends = [2 * near - far for near, far in beside]
        here = self.exact(point)
        jump = max(abs(ends[1] - ends[0]), abs(ends[1] - here), abs(ends[0] - here))
        return jump, abs(slopes[1] - slopes[0]), max(1, *map(abs, slopes))


def _range(target, claim):
    for end, sign in zip(claim.value, (1, -1), strict=True):
        reached = min(sign * target.exact(x) for x in target.lowest(sign))
        if reached < sign * mpf(end) - mpf(claim.error):
            return f"it has the value {mpmath.nstr(sign * reached, 25)}"
        far = [[sign * target.exact(s * mpf(10) ** k) for k in (2, 4, 6, 8)] for s in (-1, 1)]
        if isfinite(end) and min(reached, *far[0], *far[1]) > sign * end + NEAR * max(1, abs(end)):
            return f"only {mpmath.nstr(sign * reached, 25)} was reached"
        grows = reached < -1e4 or any(a > b > c > d and c - d > 0.5 for a, b, c, d in far)
        if isinf(end) and not grows:
            return f"only {mpmath.nstr(sign * reached, 25)} was reached"
    return None


def _attained(target, claim):
    span = target.properties.range
    for end, sign, taken in zip(span.value, (1, -1), claim.value, strict=True):
        if isinf(end):
            if taken:
                return "an infinite end is none"
            continue
        near = [x for x in target.lowest(sign) if abs(x) < 5]
        gap = min((abs(target.exact(x) - mpf(end)) for x in near), default=inf)
        if not taken and span.error == 0 and gap == 0:
            return f"{end} is a value"
        far = min(abs(target.exact(x) - mpf(end)) for x in target.lowest(sign))
        if taken and far > NEAR * max(1, abs(end)):
            return f"the nearest value is {mpmath.nstr(far, 5)} off"
    return None


def _bounded(target, claim):
    far = [target.exact(s * mpf(10) ** k) for s in (-1, 1) for k in (8, 12)]
    if claim.value != all(map(isfinite, target.properties.range.value)):
        return "its range says otherwise"
    return (
        f"it grows: {[mpmath.nstr(v, 5) for v in far]}" if claim.value and max(map(abs, far)) > 1e7 else None
    )


def _limits(target, claim):
    for end, side in zip(claim.value, (-1, 1), strict=True):
        # more than one phase of a sine
        *steps, last = values = [
            target.exact(side * x)
            for x in (mpf(100), mpf(10) ** 4, *(10**6 + k for k in range(5)), mpf(10) ** 8)
        ]
        shown = [mpmath.nstr(v, 8) for v in values]
        if isnan(end) and max(values[2:]) - min(values[2:]) < 1e-9:
            return f"it stays at {shown}"
        if isinf(end) and (any(v * mpmath.sign(end) < 0 for v in values[2:]) or abs(last) <= abs(values[1])):
            return f"side {side}: {shown}"
        if isfinite(end) and abs(last - end) > max(1e-5 * max(abs(v) for v in (1, *steps)), claim.error):
            return f"side {side}: {shown}"
    return None


def _kinks(target, claim):
    for kink in claim.value:
        jump, bend, size = target.bends(kink)
        if jump < 1e-10 and bend < 1e-7 * size and not _beside(target, mpf(kink), mpf(claim.error)):
            return f"none at {kink!r}"
    for place in _found_kinks(target):
        if not any(abs(k - place) <= 1e-7 * max(1, abs(k)) for k in claim.value):
            return f"another at {place!r}"
    return None


def _beside(target, kink, error):
    """Whether a kink that is no float lies within its error."""
    return error > 0 and _followed(target, kink - error, kink + error, 10) is not None


def _found_kinks(target):
    """Yield places to which a jump of the slope, or of the value, was followed by halving."""
    x = target.x[np.abs(target.x) < 100]
    x = x[np.concatenate([[True], np.diff(x) > 1e-6])]
    bends = np.abs(np.diff(np.diff(target.f(x)) / np.diff(x)))
    for i in np.argsort(-np.where(np.isfinite(bends), bends, 0), kind="stable")[: 2 * WORST]:
        if bends[i] > 1e-3 and (place := _followed(target, mpf(x[i]), mpf(x[i + 2]), 60)) is not None:
            yield place


def _followed(target, low, high, rounds):
    for _ in range(rounds):
        quarter = (high - low) / 4
        at = [target.exact(low + k * quarter) for k in range(5)]
        bends = [abs(at[k] - 2 * at[k + 1] + at[k + 2]) for k in range(3)]
        low += bends.index(max(bends)) * quarter
        high = low + 2 * quarter
    width = high - low
    ends = [target.exact(low + k * width) for k in (-1, 0, 1, 2)]
    slopes = [(b - a) / width for a, b in pairwise(ends)]
    # of a jump the slope between is huge, of a kink those beside differ
    return float(low) if max(slopes) - min(slopes) > 1e-5 * max(1, *map(abs, slopes)) else None


def _smoothness(target, claim):
    if claim.value in (-1, 0):
        sizes = [target.bends(k) for k in target.properties.kinks.value or ()]
        if claim.value == -1 and not any(jump > 1e-10 for jump, _, _ in sizes):
            return "no jump was found"
        if claim.value == 0 and not sizes:
            return "no kink is named"
        if claim.value == 0 and any(jump > 1e-9 for jump, _, _ in sizes if not _irrational(target)):
            return "it jumps"
        return None
    places = list(_found_kinks(target))
    return f"it bends at {places}" if places else None


def _irrational(target):
    return any(k * 2**20 % 1 for k in target.properties.kinks.value)


def _monotone(target, claim):
    signs = {
        s
        for s in (1, -1)
        for a, b in target.changes(target.y, s)
        if s * (target.exact(b) - target.exact(a)) > 0
    }
    allowed = {"no": {1, -1}, "constant": set(), "increasing": {1}, "decreasing": {-1}}
    wanted = allowed[claim.value.removeprefix("strictly ")]
    if signs != wanted:
        return f"rises {1 in signs}, falls {-1 in signs}"
    level = [(a, b) for a, b in pairwise(np.linspace(-8, 8, 400)) if target.f(a) == target.f(b)]
    if claim.value.startswith("strictly") and any(target.exact(a) == target.exact(b) for a, b in level[::8]):
        return f"level near {level[0]}"
    return None


def _convex(target, claim):
    signs = set()
    middle = (target.x[1:] + target.x[:-1]) / 2
    bends = target.y[1:] + target.y[:-1] - 2 * target.f(middle)
    wide = target.f(target.x + 0.25) + target.f(target.x - 0.25) - 2 * target.y
    for sign in (1, -1):
        for h, at, found in ((None, middle, bends), (0.25, target.x, wide)):
            scores = np.where(np.isfinite(found), sign * found, -inf)
            for i in np.argsort(-scores, kind="stable")[:WORST]:
                a, b = (target.x[i], target.x[i + 1]) if h is None else (at[i] - h, at[i] + h)
                exact = target.exact(a) + target.exact(b) - 2 * target.exact((mpf(a) + mpf(b)) / 2)
                signs |= {sign} if sign * exact > TINY else set()
    for kink in map(mpf, target.kinks):
        bend = target.exact(kink + NEAR) + target.exact(kink - NEAR) - 2 * target.exact(kink)
        signs |= {int(mpmath.sign(bend))} if abs(bend) > TINY else set()
    wanted = {"no": {1, -1}, "affine": set(), "convex": {1}, "concave": {-1}}[claim.value]
    return None if signs == wanted else f"bends up {1 in signs}, down {-1 in signs}"


def _symmetry(sign):
    def attack(target, claim):
        off = max(
            abs(target.exact(-x) - sign * target.exact(x))
            for x in map(mpf, (0, 0.1, 0.37, 1, 1.5, 2.2, 5.1, 17))
        )
        size = max(abs(target.exact(x)) for x in (1, 2, 5, 17))
        return (
            f"f(−x) ∓ f(x) is {mpmath.nstr(off, 5)}" if claim.value != (off <= TINY * max(1, size)) else None
        )

    return attack


def _lipschitz(target, claim):
    quotients = np.abs(np.diff(target.y) / np.diff(target.x))
    quotients = np.where(np.isfinite(quotients), quotients, 0)
    slopes = np.abs(target.slope(target.x))
    slopes = np.where(np.isfinite(slopes), slopes, 0)
    places = [(target.x[i], target.x[i + 1]) for i in np.argsort(-quotients, kind="stable")[:WORST]]
    for i in np.argsort(-slopes, kind="stable")[:WORST]:
        low, high = target.x[max(i - 1, 0)], target.x[min(i + 1, len(target.x) - 1)]
        best = minimize_scalar(lambda u: -abs(target.slope(float(u))), bounds=(low, high), method="bounded")
        for x in (target.x[i], best.x):
            places += [(mpf(x), mpf(x) + s * mpf(10) ** -15) for s in (-1, 1)]
    steepest = max(abs((target.exact(b) - target.exact(a)) / (mpf(b) - mpf(a))) for a, b in places)
    if isinf(claim.value):
        far = [
            abs(target.exact(s * x) - target.exact(s * (x + 1)))
            for s in (-1, 1)
            for x in (mpf(10) ** 6, mpf(10) ** 8)
        ]
        grows = steepest > 1e4 or max(far) > 1e4 or target.properties.smoothness.value == -1
        return None if grows else f"the steepest is {mpmath.nstr(steepest, 12)}"
    if steepest > mpf(claim.value) + mpf(claim.error) + TINY * 10**5:
        return f"a slope is {mpmath.nstr(steepest, 25)}"
    far = [abs(target.exact(s * mpf(10) ** 8) - target.exact(s * (mpf(10) ** 8 + 1))) for s in (-1, 1)]
    if max(steepest, *far) < claim.value * (1 - 1e-5) - 1e-9:
        return f"only {mpmath.nstr(steepest, 12)} was found"
    return None


def _fixed_points(target, claim):
    def distance(x):
        return min((max(a - x, x - b, 0) for a, b in claim.value), default=inf)

    for a, b in claim.value:
        inside = [p for p in (a, b, (a + b) / 2, a + 1, b - 1) if isfinite(p) and a <= p <= b]
        size = [abs(target.exact(p) - mpf(p)) / max(1, abs(p)) for p in inside]
        kinked = any(abs(a - k) <= 1e-9 * max(1, abs(k)) for k in target.properties.kinks.value or ())
        if max(size, default=0) > 1e-6 and not kinked:
            return f"f − x is {mpmath.nstr(max(size), 5)} there"
        around = [
            [mpmath.sign(target.exact(p) - p) for p in (mpf(a) - r, mpf(a) + r)]
            for r in (1e-5, claim.error + TINY)
        ]
        if a == b and not kinked and around[0][0] * around[0][1] < 0 < around[1][0] * around[1][1]:
            return f"it is farther than {claim.error} from {a!r}"
    above = np.sign(target.y - target.x)
    places = np.flatnonzero((above[1:] * above[:-1] <= 0) & (np.abs(target.x[1:]) < 30))
    for i in places[:: 1 + len(places) // 40]:  # a GELU is x to the last bit on half of the line
        a, b = float(target.x[i]), float(target.x[i + 1])
        if (
            _crosses(target, a, b)
            and min(distance(a), distance(b)) > 0
            and not any(a <= p[0] <= b for p in claim.value)
        ):
            return f"another between {a!r} and {b!r}"
    return None


def _crosses(target, a, b):
    """Whether f(x) = x somewhere in [a, b], and not only jumps over it."""
    with mpmath.workdps(
        600
    ):  # the difference of a GELU and x at 100 is below 1e-2000, and that of others less so
        return _crosses_exactly(target, mpf(a), mpf(b))


def _crosses_exactly(target, low, high):
    start = mpmath.sign(target.exact(low) - low)
    if start == 0 or target.exact(high) == high:
        return True
    if start == mpmath.sign(target.exact(high) - high):
        return False
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if mpmath.sign(target.exact(middle) - middle) == start else (low, middle)
    gaps = [abs(target.exact(end) - end) for end in (low, high)]
    return max(gaps) < 1e-9 * max(1, abs(low))  # of a jump one side at most is near


def _piecewise_linear(target, claim):
    curved = False
    for x in map(mpf, np.linspace(-12, 12, 97) + 0.03):
        if np.abs(target.kinks - float(x)).min(initial=1) > 0.02:
            bend = target.exact(x + 0.01) + target.exact(x - 0.01) - 2 * target.exact(x)
            curved |= abs(bend) > TINY * max(1, abs(target.exact(x)))
    return None if curved != claim.value else f"curved between its kinks: {curved}"


def _linearity(target, claim):
    shape = target.properties.piecewise_linear.value
    x = [mpf(k) / 3 for k in (-30, -7, -2, 1, 4, 11, 31)]
    y = [target.exact(p) for p in x]
    slope = (y[-1] - y[0]) / (x[-1] - x[0])
    affine = max(abs(b - y[0] - slope * (a - x[0])) for a, b in zip(x, y, strict=True)) < TINY
    zero = target.exact(0) == 0
    allowed = {
        "linear": affine and zero,
        "affine": affine and not zero,
        "piecewise linear": shape is True,
        "nonlinear": not affine,
    }
    return None if allowed[claim.value] else f"affine {affine}, f(0) = 0 {zero}"


ATTACKS = {
    "range": _range,
    "attained": _attained,
    "bounded": _bounded,
    "limits": _limits,
    "kinks": _kinks,
    "smoothness": _smoothness,
    "monotone": _monotone,
    "convex": _convex,
    "odd": _symmetry(-1),
    "even": _symmetry(1),
    "lipschitz": _lipschitz,
    "fixed_points": _fixed_points,
    "piecewise_linear": _piecewise_linear,
    "linearity": _linearity,
}
