"""Other lower lines for units that are max(0, z): which is best differs by box and by what is bounded."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from nonlin.geometry.verification.layers import Layer
from nonlin.geometry.verification.relaxation import Bent, Planes
from nonlin.networks.array import Array

__all__ = ["lower_of", "tilted"]


def tilted(layers: tuple[Layer, ...], bents: tuple[Bent, ...]) -> Iterator[tuple[Bent, ...]]:
    """Yield the lines with slope 0, 1 and that of the upper line below every open max(0, z).

    Source: Xu et al. 2021, Fast and complete: enabling complete neural network verification with rapid and massively
    parallel incomplete verifiers, section 3.1 (any slope from 0 to 1 is below).
    """
    which = [_hinges(layer) & (bent.gap > 0) for layer, bent in _folding(layers, bents)]
    if not any(open_units.any() for open_units in which):
        return
    for slope in (0.0, 1.0, None):
        made = list(bents)
        at = [k for k, layer in enumerate(layers) if not len(layer.windows)]
        for k, open_units in zip(at, which, strict=True):
            made[k] = _tilted(bents[k], open_units, slope)
        yield tuple(made)


def lower_of(a: Planes, b: Planes) -> Planes:
    """Return of every row the planes that are lower over the box."""
    better = b.highest < a.highest
    return Planes(
        slope=np.where(better[:, :, None], b.slope, a.slope),
        constant=np.where(better, b.constant, a.constant),
        highest=np.where(better, b.highest, a.highest),
    )


def _folding(layers: tuple[Layer, ...], bents: tuple[Bent, ...]) -> list[tuple[Layer, Bent]]:
    return [pair for pair in zip(layers, bents, strict=True) if not len(pair[0].windows)]


def _hinges(layer: Layer) -> Array:
    """Return which units are max(0, z) in every bit, so that a line through 0 needs no margin; shape (units,)."""
    one = np.isfinite(layer.kinks_low).sum(axis=1) == 1
    if not one.any():
        return np.asarray(one)
    at_zero = (layer.kinks_low[:, 0] == 0) & (layer.kinks_high[:, 0] == 0)
    straight = (layer.slopes[:, 0] == 0) & (layer.slopes[:, 1] == 1)
    return np.asarray(one & at_zero & straight & (layer.intercepts[:, :2] == 0).all(axis=1) & ~layer.jumps)


def _tilted(bent: Bent, open_units: Array, slope: float | None) -> Bent:
    lines = bent.lines.copy()
    tilt = np.clip(lines[0], 0.0, 1.0) if slope is None else slope
    lines[2] = np.where(open_units, tilt, lines[2])
    lines[3] = np.where(open_units, 0.0, lines[3])
    return replace(bent, lines=lines)
