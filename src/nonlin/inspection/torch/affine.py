"""Affine layers in a row with nothing but affine operations between: what one layer would need to do the same."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from nonlin.inspection.recording import AffineChain

__all__ = ["AffineLayer", "chain_of", "follows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AffineLayer:
    """A dense or convolutional layer as it was used.

    Args:
        name: its path.
        inputs: features or channels in.
        outputs: features or channels out.
        parameters: how many it has, with its bias.
        bias: whether it has one.
        kernel: shape (dimensions,); () for a dense layer, as are the two below.
        stride: in each dimension.
        dilation: in each dimension.
        groups: of the channels; 1 for a dense layer.
        size: how many numbers one sample has at its input.
        own: whether it is a module's own weight, one row a unit, and nothing else.
        direct: whether it takes the output of the layer before as it is.
    """

    name: str
    inputs: int
    outputs: int
    parameters: int
    bias: bool
    kernel: tuple[int, ...] = ()
    stride: tuple[int, ...] = ()
    dilation: tuple[int, ...] = ()
    groups: int = 1
    size: int
    own: bool = False
    direct: bool = False

    @property
    def depthwise(self) -> bool:
        """Whether each channel is convolved on its own."""
        return self.groups > 1 and self.groups == self.inputs == self.outputs


def follows(run: tuple[AffineLayer, ...], layer: AffineLayer) -> bool:
    """Return whether a layer behind a run makes one affine layer of a size that is known together with it."""
    if not run:
        return False
    before = run[-1]
    if layer.kernel:
        return len(layer.kernel) == len(before.kernel) and layer.inputs == before.outputs
    return layer.inputs == before.outputs or bool(before.kernel)


def chain_of(run: tuple[AffineLayer, ...]) -> AffineChain:
    """Return a run of two or more layers as a chain, with the number of parameters of the layer that replaces it."""
    outputs = run[-1].outputs
    merged = _weights(run) + (outputs if any(layer.bias for layer in run) else 0)
    return AffineChain(
        layers=tuple(layer.name for layer in run),
        parameters=sum({layer.name: layer.parameters for layer in run}.values()),
        merged=merged,
        product=all(layer.own for layer in run) and all(layer.direct for layer in run[1:]),
    )


def _weights(run: tuple[AffineLayer, ...]) -> int:
    first, outputs = run[0], run[-1].outputs
    if not first.kernel:
        return first.inputs * outputs
    convolutions = [layer for layer in run if layer.kernel]
    if len(convolutions) < len(run) and run[len(convolutions)].inputs != convolutions[-1].outputs:
        # behind a flattening, every position has weights of its own
        return first.size * outputs
    channels = 1 if all(layer.depthwise for layer in run) else first.inputs
    return channels * outputs * prod(_kernel(convolutions))


def _kernel(convolutions: list[AffineLayer]) -> list[int]:
    sizes = [1] * len(convolutions[0].kernel)
    strides = list(sizes)
    for layer in convolutions:
        for i, (kernel, dilation) in enumerate(zip(layer.kernel, layer.dilation, strict=True)):
            sizes[i] += (kernel - 1) * dilation * strides[i]
            strides[i] *= layer.stride[i]
    return sizes
