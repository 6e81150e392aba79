"""The graph of an exported program, read from plain data; only operators of ATen and arithmetic of sizes are let in."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf, nan
from typing import Any

import torch

from nonlin.errors import InvalidInputError, UnsafeModelError, UnsupportedModelError
from nonlin.networks.programs.archive import SCALAR_TYPES

__all__ = ["Graph", "Node", "Reference", "read_graph"]

_ARITHMETIC = "add eq floordiv ge getitem gt le lt mod mul ne neg sub truediv"
_SIZES: dict[str, Callable[..., Any]] = {
    **{f"_operator.{name}": getattr(operator, name) for name in _ARITHMETIC.split()},
    "torch.sym_int": int,
    "torch.sym_float": float,
    "torch.sym_max": max,
    "torch.sym_min": min,
    "torch.sym_not": operator.not_,
    "math.trunc": int,
}
_ATEN = re.compile(r"torch\.ops\.aten\.([A-Za-z0-9_]+)\.([A-Za-z0-9_]+)")
_BLOCK = "torch.ops.higher_order.wrap_with_set_grad_enabled"
_CHECKS = re.compile(r"torch\.ops\.aten\.(_assert\w*|sym_constrain\w*)\.\w+")

# an operator that takes any other text could open a file (aten::from_file, aten::save)
_TEXTS = frozenset(
    {"approximate", "equation", "indexing", "interpolation", "mode", "ord", "padding", "reduce"}
)
_TEXTS |= {"rounding_mode", "UPLO", "side", "driver"}

_LAYOUTS = {7: torch.strided}
_FORMATS = {
    1: torch.contiguous_format,
    2: torch.channels_last,
    3: torch.channels_last_3d,
    4: torch.preserve_format,
}
_NUMBERS = {"Infinity": inf, "-Infinity": -inf, "NaN": nan}


@dataclass(frozen=True, slots=True)
class Reference:
    """The value of an earlier node, or an input."""

    name: str


@dataclass(slots=True, kw_only=True)
class Node:
    """An operation.

    Args:
        operator: of ATen, or arithmetic of sizes; None for a block.
        arguments: numbers, types, references, and lists of them.
        keywords: the same.
        results: the names of what it gives.
        many: whether it gives a list or a tuple.
        path: of the module that it comes from, "" for the model itself.
        training: the positions of the arguments that say whether the model is being trained.
        block: the graph that it runs, with or without gradients.
        last_uses: the names that no later node needs.
    """

    operator: Callable[..., Any]
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    results: list[str | None]
    many: bool
    path: str
    training: frozenset[int] = frozenset()
    block: Graph | None = None
    last_uses: tuple[str, ...] = ()

    def bind(self, result: Any, values: dict[str, Any]) -> None:
        """Put what the operation gave under its names."""
        given = list(result) if self.many else [result]
        values.update(
            {name: value for name, value in zip(self.results, given, strict=False) if name is not None}
        )


@dataclass(slots=True, kw_only=True)
class Graph:
    """Nodes in the order in which they run."""

    inputs: list[str]
    nodes: list[Node] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)


def read_graph(data: Mapping[str, Any], blocks: dict[str, Graph]) -> Graph:
    """Read a graph.

    Args:
        data: as in the archive.
        blocks: the graphs inside it, by name, filled as they are met.

    Raises:
        UnsafeModelError: an operator that could do more than compute.
        UnsupportedModelError: an operator that is not ATen's.
    """
    graph = Graph(inputs=[str(name) for entry in data["inputs"] for name in _names(entry)])
    for entry in data["nodes"]:
        if not _CHECKS.fullmatch(entry["target"]):
            graph.nodes.append(_node(entry, blocks))
    graph.outputs = [_argument(entry, blocks) for entry in data["outputs"]]
    _mark_last_uses(graph)
    return graph


def _node(entry: Mapping[str, Any], blocks: dict[str, Graph]) -> Node:
    target = str(entry["target"])
    arguments: list[Any] = []
    keywords: dict[str, Any] = {}
    training: set[int] = set()
    for given in entry["inputs"]:
        value = _argument(given["arg"], blocks)
        if given.get("kind") == 2:
            keywords[str(given["name"])] = value
        else:
            if given["name"] in ("train", "training") and value is True:
                training.add(len(arguments))
            arguments.append(value)
    results = [name for result in entry["outputs"] for name in _names(result)]
    block = arguments.pop(1) if target == _BLOCK and isinstance(arguments[1], Graph) else None
    many = len(entry["outputs"]) != 1 or "as_tensors" in entry["outputs"][0] or block is not None
    return Node(
        operator=_size_of if block is not None else _operator(target, entry),
        arguments=tuple(arguments),
        keywords=keywords,
        results=results,
        many=many,
        path=_path(entry),
        training=frozenset(training),
        block=block,
    )


def _size_of(*_: Any) -> None:
    raise InvalidInputError(
        "expected a block to be run as a graph, got it as an operator; save the program again"
    )


def _operator(target: str, entry: Mapping[str, Any]) -> Callable[..., Any]:
    if target in _SIZES:
        return _SIZES[target]
    match = _ATEN.fullmatch(target)
    packet = getattr(torch.ops.aten, match[1], None) if match else None
    found = getattr(packet, match[2], None) if match and packet is not None else None
    if not isinstance(found, torch._ops.OpOverload):  # noqa: SLF001 - the type has no public name
        raise UnsupportedModelError(
            f"expected operators of ATen in the program, got {target!r} in node {entry.get('name')!r}; hand over the "
            "torch.nn.Module itself",
        )
    for argument in found._schema.arguments:  # noqa: SLF001 - the schema has no public name
        if "str" in str(argument.type) and argument.name not in _TEXTS:
            raise UnsafeModelError(
                f"expected operators that only compute, got {target!r} in node {entry.get('name')!r}, which takes the "
                f"text {argument.name!r} and may reach files; hand over the torch.nn.Module itself",
            )
    allowed: Callable[..., Any] = found
    return allowed


def _argument(data: Mapping[str, Any], blocks: dict[str, Graph]) -> Any:
    ((kind, value),) = data.items()
    if kind == "as_none":
        return None
    if kind == "as_tensor":
        return Reference(value["name"])
    if kind == "as_tensors":
        return [Reference(entry["name"]) for entry in value]
    if kind in ("as_optional_tensors", "as_sym_ints", "as_sym_bools", "as_sym_floats"):
        return [_argument(entry, blocks) for entry in value]
    if kind in ("as_sym_int", "as_sym_bool", "as_sym_float"):
        return _argument(value, blocks)
    if kind == "as_name":
        return Reference(value)
    if kind == "as_graph":
        return read_graph(value["graph"], blocks)
    return _constant(kind, value)


def _constant(kind: str, value: Any) -> Any:
    if kind in ("as_int", "as_bool", "as_string", "as_ints", "as_bools", "as_strings"):
        return value
    if kind == "as_float":
        return float(_NUMBERS.get(value, value))
    if kind == "as_floats":
        return [float(_NUMBERS.get(entry, entry)) for entry in value]
    tables: dict[str, Mapping[int, Any]] = {
        "as_scalar_type": SCALAR_TYPES,
        "as_memory_format": _FORMATS,
        "as_layout": _LAYOUTS,
    }
    if kind in tables and value in tables[kind]:
        return tables[kind][value]
    if kind == "as_device":
        return torch.device("cpu")
    raise UnsupportedModelError(
        f"expected tensors, numbers and types as arguments in the program, got {kind} {value!r}; hand over the "
        "torch.nn.Module itself",
    )


def _names(entry: Mapping[str, Any]) -> list[str | None]:
    ((kind, value),) = entry.items()
    if kind == "as_tensor":
        return [value["name"]]
    if kind == "as_tensors":
        return [part["name"] for part in value]
    return [value.get("as_name")] if isinstance(value, Mapping) else [None]


def _path(entry: Mapping[str, Any]) -> str:
    """Return the innermost module, from "key,path,type;key,path,type"; a repeated use has "@1" in its key only."""
    stack = str(entry.get("metadata", {}).get("nn_module_stack", "")).split(";")
    parts = stack[-1].split(",")
    path = parts[1].partition("@")[0] if len(parts) > 2 else ""
    return "" if path.startswith("_empty_nn_module_stack") else path


def _mark_last_uses(graph: Graph) -> None:
    kept = {reference.name for reference in _references(graph.outputs)}
    for node in reversed(graph.nodes):
        used = {reference.name for reference in _references([*node.arguments, *node.keywords.values()])}
        node.last_uses = tuple(used - kept)
        kept |= used


def _references(arguments: list[Any]) -> Iterator[Reference]:
    for argument in arguments:
        if isinstance(argument, Reference):
            yield argument
        elif isinstance(argument, list):
            yield from _references(argument)
