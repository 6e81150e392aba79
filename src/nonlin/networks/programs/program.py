"""An exported program as a module: its graph is run node by node, each under the name of the module it comes from."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from nonlin.errors import InvalidInputError, NonlinError
from nonlin.networks.programs.archive import Archive, read_archive
from nonlin.networks.programs.graph import Graph, Reference, read_graph

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Program", "Scope", "program_of"]

_PATH = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*")


def program_of(path: Path) -> nn.Module:
    """Open a file as `nonlin.networks.programs.open_program` says."""
    archive = read_archive(path)
    try:
        inputs, _ = _inputs(archive.program["graph_module"])
        one = sum(isinstance(default, Reference) for default in inputs.values()) == 1
        return ProgramOfOneInput(archive) if one else Program(archive)
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        if isinstance(error, NonlinError):
            raise
        raise InvalidInputError(
            f"expected a .pt2 program, got {path}, whose graph is damaged ({error!r}); save the program again",
        ) from error


class Scope(nn.Module):  # type: ignore[misc]  # torch is not followed, so its type is Any
    """A module of the original model: holds its parameters, and runs one operation under its name."""

    def forward(self, operator: Any, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> Any:
        """Apply an operator of ATen."""
        return operator(*arguments, **keywords)


class Program(nn.Module):  # type: ignore[misc]  # the same
    """An exported program, run node by node."""

    def __init__(self, archive: Archive) -> None:
        """Take the graph and the weights of an archive."""
        super().__init__()
        graph_module = archive.program["graph_module"]
        self._program_graph = read_graph(graph_module["graph"], {})
        self._program_inputs, self._program_weights = _inputs(graph_module)
        self._program_outputs = _outputs(graph_module)
        self._program_tensors = graph_module["graph"]["tensor_values"]
        for target in self._program_weights.values():
            _register(self, target, archive.tensors[target])
        for node in self._program_graph.nodes:
            _scope(self, node.path)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the inputs that it was exported with."""
        wanted = (name for name, default in self._program_inputs.items() if isinstance(default, Reference))
        try:
            return {name: _shape(self._program_tensors[name]) for name in wanted}
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInputError(
                f"expected a program that says its inputs' shapes, got one that does not ({error!r}); give an example"
            ) from error

    def forward(self, *arguments: Any, **keywords: Any) -> Any:
        """Run the program on its inputs, by position or by name."""
        return self._run_on(arguments, keywords)

    def _run_on(self, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> Any:
        given = [*_flat(arguments)]
        values = {name: self._weight(target) for name, target in self._program_weights.items()}
        for name, default in self._program_inputs.items():
            if isinstance(default, Reference):
                values[name] = keywords[name] if name in keywords else self._next(given, name)
            else:
                values[name] = default
        results = self._run(self._program_graph, values)
        return _structured(self._program_outputs, results)

    def _next(self, given: list[Any], name: str) -> Any:
        if not given:
            wanted = [n for n, default in self._program_inputs.items() if isinstance(default, Reference)]
            raise InvalidInputError(
                f"expected data for each of the inputs {', '.join(wanted)}, got none for {name}; give each by its "
                f"name, as {{{', '.join(f'{n!r}: ...' for n in wanted)}}}"
            )
        return given.pop(0)

    def _run(self, graph: Graph, values: dict[str, Any]) -> list[Any]:
        device = next((t.device for t in (*self.parameters(), *self.buffers())), torch.device("cpu"))
        for node in graph.nodes:
            arguments = tuple(self._value(a, values, device) for a in node.arguments)
            keywords = {key: self._value(a, values, device) for key, a in node.keywords.items()}
            if not self.training:
                arguments = tuple(False if i in node.training else a for i, a in enumerate(arguments))
            if node.block is not None:
                with torch.set_grad_enabled(arguments[0] and torch.is_grad_enabled()):
                    inner = dict(zip(node.block.inputs, arguments[1:], strict=True))
                    result: Any = tuple(self._run(node.block, inner))
            else:
                scope = self.get_submodule(node.path) if node.path else None
                result = (
                    scope(node.operator, arguments, keywords)
                    if scope
                    else node.operator(*arguments, **keywords)
                )
            node.bind(result, values)
            for name in node.last_uses:
                values.pop(name, None)
        return [self._value(output, values, device) for output in graph.outputs]

    def _value(self, argument: Any, values: Mapping[str, Any], device: torch.device) -> Any:
        if isinstance(argument, Reference):
            return values[argument.name]
        if isinstance(argument, list):
            return [self._value(entry, values, device) for entry in argument]
        # the device of the machine that it was exported on says nothing about this one
        return device if isinstance(argument, torch.device) else argument

    def _weight(self, target: str) -> torch.Tensor:
        owner, _, name = target.rpartition(".")
        tensor: torch.Tensor = getattr(self.get_submodule(owner), name)
        return tensor


class ProgramOfOneInput(Program):
    """A program that says by its signature that it takes one input, as `torch.export` wants to know."""

    def forward(self, x: Any = None, **keywords: Any) -> Any:
        """Run the program."""
        return self._run_on(() if x is None else (x,), keywords)


def _inputs(graph_module: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    inputs: dict[str, Any] = {}
    weights: dict[str, str] = {}
    for spec in graph_module["signature"]["input_specs"]:
        ((kind, entry),) = spec.items()
        if kind == "user_input":
            ((sort, value),) = entry["arg"].items()
            name = value["name"] if sort == "as_tensor" else f"input_{len(inputs)}"
            inputs[name] = Reference(name) if sort == "as_tensor" else None
        elif kind == "constant_input":
            ((_, inputs[entry["name"]]),) = entry["value"].items()
        else:
            weights[entry["arg"]["name"]] = str(entry[f"{kind}_name"])
    return inputs, weights


def _shape(value: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the sizes of a tensor; of a free one, what it was in the example."""
    sizes = [
        size["as_int"] if "as_int" in size else size["as_expr"]["hint"]["as_int"] for size in value["sizes"]
    ]
    return tuple(int(size) for size in sizes)


def _outputs(graph_module: dict[str, Any]) -> tuple[list[bool], list[str] | None]:
    """Return which of the graph's outputs the user gets, and their names where they came in a dictionary."""
    specs = graph_module["signature"]["output_specs"]
    mine = ["user_output" in spec for spec in specs]
    entry = next((e for e in graph_module["module_call_graph"] if e["fqn"] == ""), None)
    signature = entry.get("signature") if entry else None
    return mine, _keys(signature["out_spec"], sum(mine)) if signature else None


def _keys(spec: str, count: int) -> list[str] | None:
    tree = json.loads(spec)[1]
    if tree["type"] != "builtins.dict":
        return None
    keys = json.loads(tree["context"])
    return [str(key) for key in keys] if len(keys) == count else None


def _structured(outputs: tuple[list[bool], list[str] | None], results: list[Any]) -> Any:
    mine = [value for value, is_mine in zip(results, outputs[0], strict=True) if is_mine]
    if outputs[1] is not None:
        return dict(zip(outputs[1], mine, strict=True))
    return mine[0] if len(mine) == 1 else tuple(mine)


def _flat(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return [leaf for entry in value for leaf in _flat(entry)]
    return (
        [leaf for entry in value.values() for leaf in _flat(entry)] if isinstance(value, Mapping) else [value]
    )


def _register(root: nn.Module, target: str, tensor: torch.Tensor) -> None:
    owner, _, name = target.rpartition(".")
    module = _scope(root, owner)
    if isinstance(tensor, nn.Parameter):
        module.register_parameter(name, tensor)
    else:
        module.register_buffer(name, tensor)


def _scope(root: nn.Module, path: str) -> nn.Module:
    if path and not _PATH.fullmatch(path):
        raise InvalidInputError(
            f"expected the name of a module or a weight, got {path!r}; save the program again"
        )
    for name in path.split(".") if path else []:
        if name not in root._modules:  # noqa: SLF001 - hasattr would also find the methods
            root.add_module(name, Scope())
        root = root.get_submodule(name)
    return root
