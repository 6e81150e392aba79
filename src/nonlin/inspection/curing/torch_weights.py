"""The affine layer in front of each call of a PyTorch model. Loads torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from nonlin.inspection.curing.layer_weights import LayerWeights

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nonlin.inspection.curing.torch_survey import Site

__all__ = ["weights_of"]

_OF_ANOTHER_ORDER = (nn.Embedding, nn.modules.conv._ConvTransposeNd)  # noqa: SLF001 - torch's only common base


def weights_of(model: nn.Module, sites: Mapping[str, Site]) -> dict[str, LayerWeights]:
    """Return the layer that shapes each call's pre-activation, by the call's name; a computed weight is left out."""
    found = {name: _layer(model, site.layer) for name, site in sites.items() if site.layer is not None}
    return {name: layer for name, layer in found.items() if layer is not None}


def _layer(model: nn.Module, path: str) -> LayerWeights | None:
    module = model.get_submodule(path)
    weight, bias = (module._parameters.get(name) for name in ("weight", "bias"))  # noqa: SLF001 - a computed one cannot be set
    if weight is None or isinstance(module, _OF_ANOTHER_ORDER):
        return None
    return LayerWeights(
        name=path,
        weight=weight.detach().double().cpu().reshape(len(weight), -1).numpy().copy(),
        bias=None if bias is None else bias.detach().double().cpu().numpy().copy(),
    )
