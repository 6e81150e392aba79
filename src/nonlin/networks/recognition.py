"""Recognises activations that an exporter took apart: x · sigmoid(x) is SiLU, x · clip(x + 3, 0, 6) / 6 is hardswish.

Every chain of entrywise operators with numbers for constants is one expression in one tensor. Where that expression
equals a function of the catalogue, the chain becomes one call of it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from nonlin.functions import Expression, Function, Variable, function, identify
from nonlin.functions.construction import substitute, where
from nonlin.functions.evaluation import evaluate
from nonlin.functions.expression import Constant
from nonlin.functions.pieces import affine_pieces
from nonlin.networks.activation import Activation, Divide, Multiply, Select
from nonlin.networks.affine import Elementwise, Sum
from nonlin.networks.network import Node

__all__ = ["recognise"]

_LONGEST = 12
_ENTRIES_KEPT = 6
_FAR = np.concatenate([-np.logspace(8, 0, 65), np.logspace(0, 8, 65)])
_RELATIVE = 1e-5
"""Constants of an exported model are rounded to float32, and a chain of them adds that up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cluster:
    """A tensor as an expression in an earlier one, and the outputs of the nodes in between."""

    expression: Expression
    made: frozenset[str]


_Clusters = dict[str, _Cluster]


def recognise(nodes: list[Node], wanted: Iterable[str]) -> tuple[Node, ...]:
    """Replace every group of nodes that is one activation of the catalogue by one call of it.

    Args:
        nodes: in an order in which they can run.
        wanted: the tensors that must stay: the network's outputs.

    Returns:
        The nodes, the groups replaced.
    """
    by_output = {node.output: node for node in nodes}
    readers: dict[str, set[str]] = {name: {""} for name in wanted}
    for node in nodes:
        for name in node.inputs:
            readers.setdefault(name, set()).add(node.output)
    clusters: dict[str, _Clusters] = {}
    for node in nodes:
        clusters[node.output] = dict(_grown(node, clusters))
    replaced: dict[str, Node] = {}
    gone: set[str] = set()
    for node in reversed(nodes):
        if node.output in gone:
            continue
        found = _recognised(node, clusters[node.output], by_output, readers)
        if found is not None:
            entry, called, made = found
            gone |= made - {node.output}
            replaced[node.output] = Node(
                name=node.name, operator=Activation(function=called), inputs=(entry,), output=node.output
            )
    return tuple(replaced.get(node.output, node) for node in nodes if node.output not in gone)


def _grown(node: Node, clusters: dict[str, _Clusters]) -> Iterator[tuple[str, _Cluster]]:
    """Yield the node's output as an expression in each tensor that it is a function of, the farthest first."""
    tables = [{name: _Cluster(expression=Variable(), made=frozenset())} for name in node.inputs]
    for table, name in zip(tables, node.inputs, strict=True):
        table.update(clusters.get(name, {}))
    shared = set(tables[0]).intersection(*tables[1:]) if tables else set()
    grown = []
    for entry in shared:
        parts = [table[entry] for table in tables]
        expression = _expression(node, [part.expression for part in parts])
        made = frozenset({node.output}).union(*(part.made for part in parts))
        if expression is not None and len(made) <= _LONGEST:
            grown.append((entry, _Cluster(expression=expression, made=made)))
    grown.sort(key=lambda item: -len(item[1].made))
    yield from grown[:_ENTRIES_KEPT]


def _expression(node: Node, parts: list[Expression]) -> Expression | None:
    operator = node.operator
    if isinstance(operator, Activation) and operator.function.expression is not None:
        return substitute(operator.function.expression, x=parts[0])
    if isinstance(operator, Elementwise) and operator.scale.size == 1 == operator.shift.size:
        return parts[0] * float(operator.scale.item()) + float(operator.shift.item())
    if isinstance(operator, Multiply):
        return parts[0] * parts[1]
    if isinstance(operator, Divide) and not isinstance(parts[1], Constant):
        return parts[0] / parts[1]
    if isinstance(operator, Select):
        given = iter(parts[1:])
        above, below = (next(given) if v is None else Constant(v) for v in (operator.above, operator.below))
        u, threshold = parts[0], Constant(operator.threshold)
        return where(u >= threshold if operator.equal else u > threshold, above, below)
    if isinstance(operator, Sum):
        total = parts[0] if operator.signs[0] > 0 else -parts[0]
        for sign, part in zip(operator.signs[1:], parts[1:], strict=True):
            total = total + part if sign > 0 else total - part
        return total
    return None


def _recognised(
    node: Node, clusters: _Clusters, by_output: dict[str, Node], readers: dict[str, set[str]]
) -> tuple[str, Function, frozenset[str]] | None:
    for entry, cluster in clusters.items():
        inside = [by_output[name] for name in cluster.made]
        calls = [n.operator for n in inside if isinstance(n.operator, Activation | Select)]
        if not calls or (len(inside) < 2 and not isinstance(node.operator, Select)):
            continue
        if any(readers[name] - cluster.made for name in cluster.made if name != node.output):
            continue
        if (
            sum(isinstance(call, Activation) and call.called for call in calls) > 1
            and len(readers[entry] & cluster.made) < 2
        ):
            continue  # relu(relu(x)) is two calls, whatever it equals
        called = _named(cluster.expression)
        if called is not None and called.name != "identity":
            return entry, called, cluster.made
    return None


def _named(expression: Expression) -> Function | None:
    """Return the catalogue's function that an expression is, near 0 and far from it."""
    found = identify(expression) or _leaky(expression) or _shrinking(expression)
    return found if found is not None and _same_far_out(expression, found) else None


def _leaky(expression: Expression) -> Function | None:
    """Return the Leaky ReLU that two pieces are which meet in 0, such as relu(x) − a relu(−x)."""
    pieces = affine_pieces(expression)
    if pieces is None or len(pieces) != 2 or pieces[0].high != 0:
        return None
    left, right = pieces
    if left.intercept != 0 or right.intercept != 0 or abs(right.slope - 1) > _RELATIVE:
        return None
    return function("leaky_relu", negative_slope=left.slope)


def _shrinking(expression: Expression) -> Function | None:
    """Return the soft or hard shrinkage that three pieces are, written out by an exporter as a choice."""
    pieces = affine_pieces(expression)
    if pieces is None or len(pieces) != 3 or not pieces[2].low > 0:
        return None
    made = (function(name, lambd=pieces[2].low) for name in ("softshrink", "hardshrink"))
    return next((f for f in made if f.pieces == pieces), None)


def _same_far_out(expression: Expression, found: Function) -> bool:
    """Whether they agree where `identify` does not look: min(relu(x), 100) is relu up to 100."""
    with np.errstate(all="ignore"):
        values, theirs = evaluate(expression, _FAR), np.asarray(found(_FAR))
    # written out, the exponential overflows: 1 / (1 + exp(−x)) is still right there, log(1 + exp(x)) is not
    known = np.isfinite(values) & np.isfinite(theirs)
    size = np.maximum(np.abs(values), np.abs(theirs))
    return bool(np.all(np.abs(values - theirs)[known] <= _RELATIVE * size[known] + _RELATIVE))
