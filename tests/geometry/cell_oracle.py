"""The cells of a network in a rectangle, by brute force in rational numbers: slow, and written to be seen to be right.

On a convex polygon every entry of every tensor is α + β s + γ t. The network is run on such triples; at the first entry
that folds strictly inside the polygon, the polygon is cut there, and its parts start again from the input.
"""

from fractions import Fraction

import numpy as np
from folding_oracle import RULES, SHAPES, Affine, Cut, each, leaky, per_window

from nonlin.networks.activation import Activation, ParametricRelu
from nonlin.networks.window import MaxPool


class Linear(Affine):
    """α + β s + γ t; the affine rules of the other oracle hold for it as they are."""

    __slots__ = ()

    def __init__(self, at_zero, slope=(0, 0)):
        self.at_zero, self.slope = Fraction(at_zero), tuple(map(Fraction, slope))

    def __add__(self, other):
        other = (
            other
            if isinstance(other, Linear)
            else Linear(other.at_zero if isinstance(other, Affine) else other)
        )
        pairs = zip(self.slope, other.slope, strict=True)
        return Linear(self.at_zero + other.at_zero, [a + b for a, b in pairs])

    __radd__ = __add__

    def __mul__(self, number):
        return Linear(self.at_zero * number, [a * number for a in self.slope])

    __rmul__ = __mul__

    def at(self, point):
        return self.at_zero + sum(a * x for a, x in zip(self.slope, point, strict=True))


def area(polygon):
    if len(polygon) < 3:
        return Fraction(0)
    turns = zip(polygon, polygon[1:] + polygon[:1], strict=True)
    return abs(sum(x * v - u * y for (x, y), (u, v) in turns)) / 2


def clipped(polygon, function, side):
    """Return the part of a polygon where side · function ≥ 0 (Sutherland and Hodgman)."""
    out = []
    for p, q in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        a, b = side * function.at(p), side * function.at(q)
        if a >= 0:
            out.append(p)
        if a * b < 0:
            out.append(tuple(x + a / (a - b) * (y - x) for x, y in zip(p, q, strict=True)))
    return out


def cells(network, start, window):
    """Return (polygon, outputs as Linear) of every cell."""
    left, right, bottom, top = map(Fraction, window)
    waiting, done = [[(left, bottom), (right, bottom), (right, top), (left, top)]], []
    while waiting:
        polygon = waiting.pop()
        try:
            done.append((polygon, run(network, start, polygon)))
        except Cut as cut:
            waiting += cut.args[0]
    return done


def run(network, start, polygon):
    values = {network.inputs[0].name: start}
    for node in network.nodes:
        inputs = [values[name] for name in node.inputs]
        rule = FOLDS.get(type(node.operator), lambda o, *x, polygon: RULES[type(o)](o, *x))
        values[node.output] = rule(node.operator, *inputs, polygon=polygon)
    return values[network.outputs[0].name]


def crosses(function, polygon):
    at = [function.at(p) for p in polygon]
    return min(at) < 0 < max(at)


def bent(u, shape, polygon):
    u = u if isinstance(u, Linear) else Linear(u.at_zero)
    kinks, parts, at_kinks = shape
    for kink, at_kink in zip(kinks, at_kinks, strict=True):
        if u.slope == (0, 0) and u.at_zero == kink:
            return Linear(at_kink)
        if crosses(u - kink, polygon):
            raise Cut([clipped(polygon, u - kink, side) for side in (1, -1)])
    middle = [sum(x) / len(polygon) for x in zip(*polygon, strict=True)]
    return parts[sum(kink < u.at(middle) for kink in kinks)](u)


def activation(operator, x, *, polygon):
    name, parameters = operator.function.name, dict(operator.function.parameters)
    if name in ("leaky_relu", "prelu"):
        return each(lambda u, _: bent(u, leaky(next(iter(parameters.values()))), polygon), x)
    if name == "step" and parameters["at_zero"]:
        name = "half-step"
    return each(lambda u, _: bent(u, SHAPES[name], polygon), x)


def parametric(operator, x, *, polygon):
    slopes = np.broadcast_to(operator.slopes, (1, *x.shape))[0]
    return each(lambda u, index: bent(u, leaky(slopes[index]), polygon), x)


def maximum(operator, x, *, polygon):
    def one(channel, entries):
        inside = [x[(channel, *at)] for at in entries.values() if at is not None]
        inside = [u if isinstance(u, Linear) else Linear(u.at_zero) for u in inside]
        different = list({(u.at_zero, u.slope): u for u in inside}.values())
        parts = [largest_part(u, different, polygon) for u in different]
        parts = [part for part in parts if area(part)]
        if len(parts) > 1:
            raise Cut(parts)
        center = [sum(c) / len(polygon) for c in zip(*polygon, strict=True)]
        return max(inside, key=lambda u: u.at(center))

    return per_window(operator.window, len(x), x, one)


def largest_part(u, others, polygon):
    for other in others:
        polygon = clipped(polygon, u - other, 1) if polygon else polygon
    return polygon


FOLDS = {Activation: activation, ParametricRelu: parametric, MaxPool: maximum}


def slice_of(p, q, r):
    """Return the input on the plane through three points."""
    start = np.empty(np.shape(p), object)
    for index in np.ndindex(*np.shape(p)):
        origin, *others = (Fraction(float(x[index])) for x in (p, q, r))
        start[index] = Linear(origin, [x - origin for x in others])
    return start
