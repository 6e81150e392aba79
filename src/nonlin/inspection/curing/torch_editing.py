"""A copy of a PyTorch model that can be changed. Loads torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from nonlin.errors import UnsupportedModelError, first_line
from nonlin.inspection.curing.editing import CannotChangeError
from nonlin.inspection.curing.torch_exchange import MODULES, Exchange, adapted
from nonlin.inspection.curing.torch_merging import merged
from nonlin.inspection.curing.torch_survey import Site, survey
from nonlin.inspection.curing.torch_weights import weights_of
from nonlin.inspection.model import TorchModel
from nonlin.inspection.torch.acceptance import original
from nonlin.inspection.torch.inputs import model_inputs
from nonlin.inspection.torch.objective import main_output
from nonlin.inspection.torch.preservation import as_found, evaluating
from nonlin.networks.programs.program import Program, Scope
from nonlin.networks.torch_copy import copied

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nonlin.inspection.curing.layer_weights import LayerWeights
    from nonlin.inspection.curing.scales import InputScale
    from nonlin.inspection.recording import Batch
    from nonlin.networks import Network

__all__ = ["TorchCopy", "copy_of"]

Array = npt.NDArray[Any]

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_BIASED = (nn.Linear, *_CONVOLUTIONS, nn.modules.batchnorm._BatchNorm)  # noqa: SLF001 - torch's only common base


def copy_of(model: nn.Module, name: str, example: Batch) -> TorchCopy:
    """Return a copy of a model, which itself is not touched.

    Raises:
        UnsupportedModelError: where the model cannot be copied.
    """
    model = original(model)
    try:
        return TorchCopy(copied(model), name, example)
    except Exception as error:  # what an attribute's own copying raises
        raise UnsupportedModelError(
            f"expected a model that copy.deepcopy can copy, got {type(model).__name__}, which fails with: "
            f"{first_line(error)}; leave out what cannot be copied"
        ) from error


class _Copied(TorchModel):
    """A copy to be measured often: an export, for a count of folds, would take longer than everything else."""

    def network(self, _example: Array) -> Network:
        """Refuse."""
        raise UnsupportedModelError("folds are counted by nonlin inspect, not for every copy that is tried")


class TorchCopy:
    """A deep copy of a module."""

    def __init__(self, module: nn.Module, name: str, example: Batch) -> None:
        """Take a copy that is nobody else's, and a batch to look at a forward pass with."""
        self.module = module
        self._name = name
        self._example = example
        self._sites: dict[str, Site] | None = None

    @property
    def opened(self) -> TorchModel:
        """The copy as a model that can be inspected."""
        return _Copied(self.module, self._name)

    @property
    def changed(self) -> nn.Module:
        """The copy."""
        return self.module

    def copy(self) -> TorchCopy:
        """Return an independent copy."""
        return TorchCopy(copied(self.module), self._name, self._example)

    @property
    def sites(self) -> dict[str, Site]:
        """Where the calls stand."""
        if self._sites is None:
            self._sites = survey(self.module, self._example)
        return self._sites

    def weights(self) -> dict[str, LayerWeights]:
        """Return the layer that shapes each call's pre-activation."""
        return weights_of(self.module, self.sites)

    def set_weights(self, call: str, weight: Array, bias: Array) -> None:
        """Set the weights of the layer that shapes a call's pre-activation."""
        module = self.module.get_submodule(str(self.sites[call].layer))
        _fill(module.weight, weight)
        own = getattr(module, "bias", None)
        if own is None and np.any(bias):
            if not isinstance(module, _BIASED):
                raise CannotChangeError(f"{self.sites[call].layer} has no bias, and can have none")
            module.bias = nn.Parameter(
                torch.zeros_like(module.weight[(slice(None), *[0] * (module.weight.dim() - 1))])
            )
        if own is not None or np.any(bias):
            _fill(module.bias, bias)

    def scale_readers(self, call: str, factors: Array, constants: Array | None = None) -> bool:
        """Multiply the weights of the layers that read a call, by unit."""
        found = [self.module.get_submodule(path) for path in self.sites[call].readers]
        layers = [layer for layer in found if _takes(layer, len(factors))]
        for layer in layers:
            weight = layer.weight.detach().double().cpu().numpy()
            bias = getattr(layer, "bias", None)
            if constants is not None and bias is not None:
                taps = weight.reshape(*weight.shape[:2], -1).sum(axis=2)
                _fill(bias, bias.detach().double().cpu().numpy() + taps @ constants)
            _fill(layer.weight, weight * factors.reshape(-1, *[1] * (weight.ndim - 2)))
        return bool(layers) and len(layers) == len(found)

    def exchange(self, call: str, function: str) -> None:
        """Call another function at a call: in its module where that is all that it does, else while the model runs."""
        site = self.sites.get(call)
        if site is None:
            raise CannotChangeError(
                f"{call} is not an operation of the model's own code, as in a recurrent layer"
            )
        if site.written_out and site.pre is None:
            raise CannotChangeError(f"{call} is written out, and acts on the network's input itself")
        single = site.module is not None and sum(s.module == site.module for s in self.sites.values()) == 1
        if single and not isinstance(self.module, Program) and not hasattr(self.module, "nonlin_adaptation"):
            _replace(self.module, str(site.module), MODULES[function]())
            self._sites = None
            return
        if "forward" in vars(self.module):
            raise CannotChangeError("the model's forward was replaced on the instance")
        how = adapted(self.module)
        how.exchanges.append(Exchange(output=site.output, pre=site.pre, function=function))

    def standardise(self, scale: InputScale) -> None:
        """Put (x − mean) / std before the model."""
        if "forward" in vars(self.module):
            raise CannotChangeError("the model's forward was replaced on the instance")
        how = adapted(self.module)
        how.mean, how.std = scale.mean, scale.std

    def merge(self, layers: tuple[str, ...]) -> None:
        """Make one of affine layers in a row; the others become the identity.

        Raises:
            CannotChangeError: where it would not give the same answers, as with a normalisation between.
        """
        (before,) = self.outputs([self._example])
        modules = [self._module(path) for path in layers]
        result = modules[0]
        for module in modules[1:]:
            result = merged(result, module)
        _replace(self.module, layers[0], result)
        for path in layers[1:]:
            _replace(self.module, path, nn.Identity())
        self._sites = None
        try:
            (after,) = self.outputs([self._example])
        except RuntimeError:
            after = before[:0]
        if before.shape != after.shape or not np.allclose(
            after, before, 0, _rounding(result, before), equal_nan=True
        ):
            raise CannotChangeError(
                f"something stands between {' and '.join(layers)} that their product leaves out"
            )

    def insert(self, layers: tuple[str, ...], function: str) -> None:
        """Put a function behind the first of two layers."""
        first = self._module(layers[0])
        _replace(self.module, layers[0], nn.Sequential(first, MODULES[function]()))
        self._sites = None

    def outputs(self, batches: Sequence[Batch]) -> list[Array]:
        """Return the first output on each batch."""
        found = []
        with as_found(self.module), evaluating(self.module), torch.no_grad():
            for batch in batches:
                inputs = {name: x.clone() for name, x in model_inputs(self.module, batch).items()}
                result = self.module(*inputs.values()) if len(inputs) == 1 else self.module(**inputs)
                found.append(main_output(result).double().cpu().numpy())
        return found

    def _module(self, path: str) -> nn.Module:
        if isinstance(self.module, Program):
            raise CannotChangeError(f"{path} belongs to an exported program, whose layers stay what they are")
        try:
            return self.module.get_submodule(path)
        except AttributeError as error:
            raise CannotChangeError(f"{path} is not a module of its own") from error


def _rounding(layer: nn.Module, outputs: Array) -> float:
    """Return by how much outputs may differ of which one is rounded in another order: half the digits."""
    return float(np.abs(outputs).max(initial=0) * torch.finfo(layer.weight.dtype).eps ** 0.5)


def _takes(layer: nn.Module, units: int) -> bool:
    if isinstance(layer, Scope):
        return bool(layer.weight.dim() > 1 and layer.weight.shape[1] == units)
    if isinstance(layer, _CONVOLUTIONS):
        return bool(layer.groups == 1 and layer.in_channels == units)
    return isinstance(layer, nn.Linear) and layer.in_features == units


def _fill(parameter: torch.Tensor, values: Array) -> None:
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(np.ascontiguousarray(values)).reshape(parameter.shape).to(parameter))


def _replace(model: nn.Module, path: str, module: nn.Module) -> None:
    owner, _, name = path.rpartition(".")
    module.train(model.get_submodule(path).training)
    setattr(model.get_submodule(owner), name, module)
