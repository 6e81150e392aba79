"""The exact folds of a piecewise linear network along the straight line between two inputs.

Between two neighbouring breakpoints every tensor of the network is an affine function of the position t on the line, so
its values at the breakpoints say everything. Layer by layer the breakpoints so far go through as one batch; where a
pre-activation changes its side of a kink between two of them, a new one is put in, and the value there of the unit
that makes it is set to the kink itself.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from nonlin.errors import InvalidInputError, UnsupportedModelError
from nonlin.geometry.rounding import UNIT_ROUNDOFF, Bounded, apply_affine
from nonlin.networks import Network, Node
from nonlin.networks.activation import Activation, ParametricRelu
from nonlin.networks.array import Array
from nonlin.networks.window import MaxPool

__all__ = ["Line", "line"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Line:
    """A piecewise linear network along a line x(t) = a + t (b − a), 0 ≤ t ≤ 1.

    Args:
        breakpoints: where an activation changes its piece, sorted, inside (0, 1); shape (pieces − 1,).
        calls: for each breakpoint the name of the call that folds there; the first of them, where several do.
        positions, outputs: the network's output at 0, the breakpoints and 1; it is affine in between. Shapes
            (pieces + 1,) and (pieces + 1, …).
        certified: whether every sign that decided this count was larger than the proven bound on its rounding error,
            the network's weights being taken as they are stored. If not, a fold may be missing, or there may be one
            too many. Folds of max pooling are not certified.
        undecided: how many signs were not.
    """

    breakpoints: Array
    calls: tuple[str, ...]
    positions: Array
    outputs: Array
    certified: bool
    undecided: int

    @property
    def count(self) -> int:
        """The number of linear pieces."""
        return len(self.breakpoints) + 1

    def __str__(self) -> str:
        sure = "certified" if self.certified else "computed in float64, not certified"
        return f"{self.count} linear pieces, {len(self.breakpoints)} folds ({sure})"


def line(network: Network, a: Array, b: Array) -> Line:
    """Find every fold of a network along the line from a to b.

    Args:
        network: piecewise linear, with one input.
        a: one input without the batch axis; finite.
        b: another, of the same shape.

    Returns:
        The line, computed in float64.

    Raises:
        UnsupportedModelError: if the network is not piecewise linear; the first node that is not is named.
        InvalidInputError: if the points do not fit the network.

    Source: Sotoudeh and Thakur, Computing linear restrictions of neural networks, NeurIPS 2019, for the idea.
    """
    _check(network, a, b)
    state = _State(network, np.asarray(a, np.float64), np.asarray(b, np.float64))
    try:
        for node in network.nodes:
            state.step(node)
    except (ValueError, IndexError) as error:
        raise UnsupportedModelError(
            f"{network.name} cannot be run on several points at once ({error}); it was exported without a batch axis, "
            "or the points have the wrong shape: export it with a batch axis of any length"
        ) from error
    return state.result()


def _check(network: Network, a: Array, b: Array) -> None:
    bent = [n for n in network.nodes if n.operator.kind not in ("affine", "piecewise linear")]
    if bent:
        what = getattr(bent[0].operator, "operator", None) or getattr(bent[0].operator, "function", None)
        raise UnsupportedModelError(
            f"expected a piecewise linear network, but node '{bent[0].name}' is not ({what or bent[0].operator.kind}); "
            "folds exist only where every activation is made of straight pieces"
        )
    if len(network.inputs) != 1:
        raise InvalidInputError(
            f"expected a network with one input, got {len(network.inputs)}; fix the others first"
        )
    if np.shape(a) != np.shape(b) or not np.all(np.isfinite(a)) or not np.all(np.isfinite(b)):
        raise InvalidInputError(
            f"expected two finite points of one shape, got {np.shape(a)} and {np.shape(b)}; give two inputs"
        )


class _State:
    """Every live tensor at every breakpoint so far, and who made the breakpoints."""

    def __init__(self, network: Network, a: Array, b: Array) -> None:
        self.network = network
        self.positions = np.array([0.0, 1.0])
        self.makers = ["", ""]
        self.undecided = 0
        ends = np.stack([a, b])
        self.live = {network.inputs[0].name: Bounded(value=ends, error=np.zeros_like(ends))}
        self.left = Counter(name for node in network.nodes for name in node.inputs)
        self.left.update(tensor.name for tensor in network.outputs)

    def step(self, node: Node) -> None:
        if isinstance(node.operator, Activation | ParametricRelu):
            self._fold(node)
            made = _bend(node.operator, self.live[node.inputs[0]])
        elif isinstance(node.operator, MaxPool):
            self._fold_pool(node, node.operator)
            x = self.live[node.inputs[0]]
            made = Bounded(value=node.operator.apply(x.value), error=node.operator.apply(x.error))
        else:
            made = apply_affine(node.operator, [self.live[name] for name in node.inputs])
        self.live[node.output] = made
        for name in node.inputs:
            self.left[name] -= 1
            if not self.left[name]:
                self.live.pop(name, None)

    def _fold(self, node: Node) -> None:
        operator = node.operator
        assert isinstance(operator, Activation | ParametricRelu)  # noqa: S101 - as step has it
        kinks = (0.0,) if isinstance(operator, ParametricRelu) else operator.function.kinks
        name = node.inputs[0]
        for kink in kinks:
            x = self.live[name]
            flat = x.value.reshape(len(self.positions), -1) - kink
            if isinstance(operator, ParametricRelu):
                straight = np.broadcast_to(operator.slopes == 1, x.value.shape).reshape(flat.shape)
                flat = np.where(straight, 1.0, flat)
            crossing = np.argwhere(flat[:-1] * flat[1:] < 0)
            places = self._insert(flat, crossing, node.name)
            x = self.live[name]
            values = x.value.reshape(len(self.positions), -1)
            values[places, crossing[:, 1]] = kink
            self._count_undecided(values - kink, x.error.reshape(values.shape), places, crossing[:, 1])

    def _count_undecided(self, distance: Array, error: Array, places: Array, units: Array) -> None:
        unsure = (np.abs(distance) <= error) & (error > 0)
        unsure[places, units] = False
        self.undecided += int(np.count_nonzero(unsure))

    def _insert(self, flat: Array, crossing: Array, name: str) -> Array:
        """Put in the breakpoints at which the columns of `flat` cross zero; return where they now stand."""
        segment, unit = crossing[:, 0], crossing[:, 1]
        left, right = flat[segment, unit], flat[segment + 1, unit]
        share = left / (left - right)
        start, stop = self.positions[segment], self.positions[segment + 1]
        found = np.clip(start + share * (stop - start), start, stop)
        merged = np.unique(np.concatenate([self.positions, found]))
        self._interpolate(merged, name)
        return np.asarray(np.searchsorted(self.positions, found))

    def _interpolate(self, positions: Array, name: str) -> None:
        after = np.clip(np.searchsorted(self.positions, positions), 1, len(self.positions) - 1)
        start, stop = self.positions[after - 1], self.positions[after]
        share = (positions - start) / (stop - start)
        old = dict(zip(self.positions.tolist(), self.makers, strict=True))
        self.makers = [old.get(t, name) for t in positions.tolist()]
        for key, x in self.live.items():
            weight = share.reshape(-1, *[1] * (x.value.ndim - 1))
            low, high = x.value[after - 1], x.value[after]
            value = np.where(weight == 1, high, low + weight * (high - low))
            size = np.maximum(np.abs(low), np.abs(high))
            moved = (weight > 0) & (weight < 1)
            # low + w (high − low) rounds four times; t itself is off by an ulp of its segment's ends
            rounding = np.where(moved, 8 * UNIT_ROUNDOFF * size, 0.0)
            error = np.where(
                moved,
                np.maximum(x.error[after - 1], x.error[after]),
                np.where(weight == 1, x.error[after], x.error[after - 1]),
            )
            self.live[key] = Bounded(value=value, error=error + rounding)
        self.positions = positions

    def _fold_pool(self, node: Node, operator: MaxPool) -> None:
        """Put in breakpoints until every window has one largest entry throughout every segment."""
        name = node.inputs[0]
        while True:
            x = self.live[name].value
            views = operator.window.views(operator.window.padded(x, -np.inf))
            windows = views.reshape(
                len(x), int(np.prod(views.shape[1 : views.ndim - len(operator.window.size)])), -1
            )
            best = windows.max(axis=2, keepdims=True)
            largest = windows >= best - 64 * UNIT_ROUNDOFF * np.abs(np.where(np.isfinite(best), best, 0))
            split = np.argwhere(~np.any(largest[:-1] & largest[1:], axis=2))
            if not len(split):
                return
            segment, window = split[:, 0], split[:, 1]
            before, after = (
                np.argmax(largest[segment, window], axis=1),
                np.argmax(largest[segment + 1, window], axis=1),
            )
            gap = np.stack(
                [windows[segment + i, window, before] - windows[segment + i, window, after] for i in (0, 1)]
            )
            share = gap[0] / (gap[0] - gap[1])
            start, stop = self.positions[segment], self.positions[segment + 1]
            found = np.clip(start + share * (stop - start), start, stop)
            merged = np.unique(np.concatenate([self.positions, found]))
            if len(merged) == len(self.positions):
                self.undecided += len(split)
                return
            self._interpolate(merged, node.name)

    def result(self) -> Line:
        outputs = self.live[self.network.outputs[0].name].value
        return Line(
            breakpoints=self.positions[1:-1],
            calls=tuple(self.makers[1:-1]),
            positions=self.positions,
            outputs=outputs,
            certified=not self.undecided
            and not any(isinstance(n.operator, MaxPool) for n in self.network.nodes),
            undecided=self.undecided,
        )


def _bend(operator: Activation | ParametricRelu, x: Bounded) -> Bounded:
    value = operator.apply(x.value)
    if isinstance(operator, ParametricRelu):
        steepest = np.maximum(np.abs(operator.slopes), 1)
    else:
        steepest = np.asarray(operator.function.largest_slope)
    return Bounded(value=value, error=x.error * steepest + 2 * UNIT_ROUNDOFF * np.abs(value))
