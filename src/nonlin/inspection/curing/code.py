"""A change as code for PyTorch that can be pasted: it expects `model`, and a batch of its input as `x`."""

from dataclasses import dataclass

from nonlin.inspection.curing.change import Change

__all__ = ["code_of"]

_SEEN = """\
import torch
layer = model.get_submodule({layer!r})
seen = []
hook = layer.register_forward_hook(lambda _layer, _inputs, u: seen.append(u.detach().clone()))
with torch.no_grad():
    model(x)
hook.remove()
u = seen[0].movedim({axis}, -1).flatten(0, -2).double()
units = {units}
"""

_DRAWN = """\
import torch
layer = model.get_submodule({layer!r})
units = {units}
with torch.no_grad():
    drawn = torch.randn_like(layer.weight[units])
    layer.weight[units] = drawn / drawn.reshape(len(drawn), -1).norm(dim=1).mean()
    if layer.bias is not None:
        layer.bias[units] = 0
"""

_BIASED = """\
if layer.bias is None:
    layer.bias = torch.nn.Parameter(torch.zeros_like(u[0], dtype=layer.weight.dtype))
"""

_SHIFT = f"""\
{_BIASED}with torch.no_grad():
    layer.bias[units] -= u.mean(0)[units].to(layer.bias)
"""

_SILENCED = f"{_SHIFT}    # and in the layer that reads it: following.weight[:, units] = 0\n"

_RESCALE = """\
scale = 1 / u.std(0).square().mean().sqrt()
with torch.no_grad():
    for parameter in layer.parameters():
        parameter *= scale
"""

_NORMALISE = f"""\
{_BIASED}scale = 1 / u.std(0).clamp(min=1e-12)
with torch.no_grad():
    layer.weight *= scale.to(layer.weight).view(-1, *[1] * (layer.weight.dim() - 1))
    layer.bias.sub_(u.mean(0)).mul_(scale)
"""

_BALANCE = f"{_RESCALE}    # and the weights of the layer that reads it: following.weight /= scale\n"

_STANDARDISE = """\
mean, std = x.mean(), x.std()
x = (x - mean) / std  # the same mean and std wherever the model is used
"""

_INITIALISE = """\
import torch
# in forward order, each layer of weights that an activation follows: to standard deviation 1 of its output
for path in {layers!r}:
    layer, seen = model.get_submodule(path), []
    hook = layer.register_forward_hook(lambda _layer, _inputs, u: seen.append(u.detach().clone()))
    with torch.no_grad():
        model(x)
        hook.remove()
        for parameter in layer.parameters() if seen[0].std() > 0 else ():
            parameter /= seen[0].std()
"""

_REPLACE = """\
import torch
modules = dict(model.named_modules())
for path in {calls!r}:  # where a call is no module, put torch.nn.functional.{function} in its place by hand
    for owner in modules.values():
        for name, module in list(owner._modules.items()):
            if module is not None and module is modules.get(path):
                setattr(owner, name, torch.nn.{module})
"""

_MERGE = """\
import torch
first, *others = paths = {layers!r}
first = model.get_submodule(first)
with torch.no_grad():
    weight, bias = first.weight, first.bias
    for layer in map(model.get_submodule, others):
        weight, bias = layer.weight @ weight, None if bias is None else layer.weight @ bias
        if layer.bias is not None:
            bias = layer.bias if bias is None else bias + layer.bias
first.weight, first.bias = torch.nn.Parameter(weight), None if bias is None else torch.nn.Parameter(bias)
first.out_features = len(weight)
for owner, _, name in [path.rpartition(".") for path in others]:
    setattr(model.get_submodule(owner), name, torch.nn.Identity())
"""

_INSERT = """\
import torch
owner, _, name = {first!r}.rpartition(".")
owner = model.get_submodule(owner)
setattr(owner, name, torch.nn.Sequential(getattr(owner, name), torch.nn.{module}))
"""

_EXCHANGE = """\
import torch
# at {call}: torch.nn.{module}, or as a function torch.nn.functional.{function}
"""

_MODULES = {
    "elu": "ELU()",
    "gelu": "GELU()",
    "leaky_relu": "LeakyReLU(0.01)",
    "relu": "ReLU()",
    "softsign": "Softsign()",
    "tanh": "Tanh()",
}

_WITH_CURE = """\
import nonlin
cure = nonlin.cure({model})  # tries this change among others, on a copy
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What code is for.

    Args:
        file: the name of the file that the model is in; empty for a live module.
        inputs: how many inputs it takes.
        layers: the paths of the layers in front of its calls, in forward order, that code can change.
    """

    file: str = ""
    inputs: int = 1
    layers: tuple[str, ...] = ()


def code_of(change: Change, target: Target) -> str:
    """Return the code of a change, empty where none that can be pasted makes it.

    Args:
        change: what to change.
        target: on what; a file, or a model with several inputs, is changed by `nonlin.cure`.
    """
    code = _code(change, target)
    if code and (target.file or target.inputs > 1):
        return _WITH_CURE.format(model=f'"{target.file}", data' if target.file else "model, x")
    return code


def _code(change: Change, target: Target) -> str:
    name = change.function
    if change.kind == "standardise":
        return _STANDARDISE
    if change.kind in ("initialise", "replace"):
        reached = target.layers or target.file
        rescaled = _INITIALISE.format(layers=target.layers) if reached else ""
        if change.kind == "initialise":
            return rescaled
        exchanged = _REPLACE.format(calls=change.layers, module=_MODULES[name], function=name)
        return exchanged + rescaled.removeprefix("import torch\n")
    if change.kind == "merge":
        return _MERGE.format(layers=change.layers)
    if change.kind == "insert":
        return _INSERT.format(first=change.layers[0], module=_MODULES[name])
    if change.kind == "exchange":
        return _EXCHANGE.format(call=change.call, module=_MODULES[name], function=name)
    return _of_weights(change) if target.file or change.unit_axis is not None else ""


def _of_weights(change: Change) -> str:
    units = str(list(change.units)) if change.units else "slice(None)"
    seen = _SEEN.format(layer=change.layer, axis=change.unit_axis, units=units)
    if change.kind == "reinitialise":
        drawn = _DRAWN.format(layer=change.layer, units=units)
        return drawn + seen.removeprefix("import torch\n") + (_SILENCED if change.units else _SHIFT)
    then = {
        "balance": _BALANCE,
        "normalise": _NORMALISE,
        "rescale": _RESCALE,
        "revive": _SILENCED,
        "shift": _SHIFT,
    }
    return seen + then[change.kind]
