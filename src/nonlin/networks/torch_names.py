"""Names the nodes of an exported graph as the module names its parts."""

from __future__ import annotations

import ast
from itertools import count, groupby
from typing import TYPE_CHECKING, Any

from torch import nn

from nonlin.functions import functions
from nonlin.networks.activation import Activation
from nonlin.networks.onnx_operators import convert
from nonlin.networks.onnx_reader import facts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx

    from nonlin.networks.onnx_use import Graph

__all__ = ["is_activation", "name_by_modules", "number_repeats"]

_LAYERS = ("Conv", "Gemm", "GRU", "LSTM", "MatMul", "RNN")
"""The operators after which a module that becomes several is named; of others the last one, which makes its output."""

_LIMITS = ("clamp", "clamp_max", "clamp_min", "clip", "hardtanh")
"""Operations that are one function or another by their bounds, after which an inspection names the call."""


def name_by_modules(model: onnx.ModelProto, module: nn.Module) -> None:
    """Rename the nodes of an exported graph, in place: by the path of their module, as an inspection names them.

    An operation that a module with parts of its own calls by itself has its name behind the path ("blocks.0.relu"). A
    second use has the same name; whoever reads the graph numbers them, and then `number_repeats` has to.

    Args:
        model: as PyTorch exports it, each node with the modules that it comes from.
        module: what was exported.
    """
    modules = dict(module.named_modules())
    limits = [node for node in model.graph.node if _origin(node)[1] in _LIMITS]
    facts = facts_of(model) if limits else None
    layers = {_origin(node)[0] for node in model.graph.node if node.op_type in _LAYERS}
    for (path, operation, _), members in groupby(model.graph.node, _origin):
        nodes = list(members)
        main = next((node for node in nodes if node.op_type in _LAYERS), nodes[-1])
        for node in nodes if operation else ():
            word = operation if node is main else node.op_type.lower()
            whole = node is main and (node.op_type in _LAYERS or path not in layers)
            if whole and _is_all_of(modules.get(path), path, operation):
                word = ""
            if word in _LIMITS and facts is not None:
                word = _function_of(node, facts) or word
            node.name = ".".join(part for part in (path, word) if part)


def number_repeats(model: onnx.ModelProto) -> None:
    """Number the nodes of one name, in place: ONNX Runtime takes no two. The first keeps it, the second is #2."""
    taken: set[str] = set()
    for node in model.graph.node:
        numbered = (f"{node.name}#{i}" for i in count(2))
        if node.name in taken:
            node.name = next(name for name in numbered if name not in taken)
        taken.add(node.name)


def is_activation(name: str, module: nn.Module) -> bool:
    """Return whether a module can only be an activation: a part of a model, without layers in it."""
    if not name or next(module.children(), None) is not None:
        return False
    if isinstance(module, nn.PReLU):
        return True
    parameters = list(module.parameters(recurse=False))
    # a learnt slope or steepness is one number; anything larger is a layer
    return all(p.numel() == 1 for p in parameters) and not isinstance(module, (nn.RNNBase, nn.RNNCellBase))


def _function_of(node: onnx.NodeProto, facts: Graph) -> str | None:
    """Return the catalogue's name of what a node computes; None where it has none."""
    made = convert(node, facts)
    found = made[0][-1] if made is not None else None
    known = isinstance(found, Activation) and found.function.entry is not None
    return found.function.name if known and isinstance(found, Activation) else None


def _is_all_of(module: nn.Module | None, path: str, operation: str) -> bool:
    """Return whether an operation is what its module is for, and not an activation inside of a layer."""
    if module is None or not path or next(module.children(), None) is not None:
        return False
    return is_activation(path, module) or all(function.name != operation for function in functions())


def _origin(node: onnx.NodeProto) -> tuple[str, str, str]:
    """Return the module's path, PyTorch's name of the operation, and what tells two uses apart; "" where unknown."""
    known = {entry.key.rpartition(".")[2]: entry.value for entry in node.metadata_props}
    scopes, classes = _listed(known.get("name_scopes")), _listed(known.get("class_hierarchy"))
    if len(scopes) < 2 or not classes:
        return "", "", node.name
    path = scopes[-2].partition("@")[0]
    operation = classes[-1].removeprefix("aten.").partition(".")[0]
    return "" if path.startswith("_empty_nn_module_stack") else path, operation, scopes[-1]


def _listed(text: str | None) -> Sequence[str]:
    found: Any = ast.literal_eval(text) if text else ()
    return [str(part) for part in found]
