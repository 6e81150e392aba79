"""The affine layer in front of each call of a PyTorch model. Loads torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from nonlin.inspection.curing.layer_weights import LayerWeights

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nonlin.inspection.curing.torch_survey import Site

__all__ = ["weights_of"]

_CHANNELS = (nn.modules.conv._ConvNd, nn.modules.batchnorm._NormBase, nn.GroupNorm)  # noqa: SLF001 - as below
_OF_ANOTHER_ORDER = (nn.Embedding, nn.modules.conv._ConvTransposeNd)  # noqa: SLF001 - torch's only common base


def weights_of(model: nn.Module, sites: Mapping[str, Site]) -> dict[str, LayerWeights]:
    """Return the layer that shapes each call's pre-activation, by the call's name; a computed weight is left out."""
    found = {
        name: _layer(model, site.layer, direct=site.direct)
        for name, site in sites.items()
        if site.layer is not None
    }
    return {name: layer for name, layer in found.items() if layer is not None}


def _layer(model: nn.Module, path: str, *, direct: bool) -> LayerWeights | None:
    module = model.get_submodule(path)
    weight, bias = (module._parameters.get(name) for name in ("weight", "bias"))  # noqa: SLF001 - a computed one cannot be set
    if weight is None or isinstance(module, _OF_ANOTHER_ORDER):
        return None
    biased = "bias" in module._parameters  # noqa: SLF001 - what forward adds, also where it is None
    return LayerWeights(
        name=path,
        unit_axis=_unit_axis(module) if direct and biased else None,
        weight=weight.detach().double().cpu().reshape(len(weight), -1).numpy().copy(),
        bias=None if bias is None else bias.detach().double().cpu().numpy().copy(),
    )


def _unit_axis(module: nn.Module) -> int | None:
    if isinstance(module, _CHANNELS):
        return 1
    return -1 if module.weight.dim() == (1 if isinstance(module, nn.LayerNorm) else 2) else None
