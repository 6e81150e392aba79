"""Where units are on the pieces that they were put on, as half-spaces of the input."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nonlin.geometry.verification.certificates import Halfspaces
from nonlin.geometry.verification.layers import Layer
from nonlin.geometry.verification.propagation import Boxes
from nonlin.geometry.verification.relaxation import Bent, Relaxation, Rows, substituted

__all__ = ["Split", "halfspaces"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A unit that was put on one of its pieces, or on a kink, as `Layer.slopes` counts them; or a window on an entry.

    Args:
        layer: which.
        unit: of it, or a window.
        piece: or the entry that is largest.
    """

    layer: int
    unit: int
    piece: int


def halfspaces(
    relaxation: Relaxation, bents: Sequence[Bent], boxes: Boxes, splits: Sequence[Sequence[Split]]
) -> Halfspaces:
    """Return half-spaces that hold in every box where its units are on the pieces that they were put on.

    Args:
        relaxation: of the network.
        bents: of all layers in the boxes.
        boxes: parts of the input.
        splits: of each box.
    """
    made = [
        _in_layer(relaxation, bents, boxes, k, [[s for s in own if s.layer == k] for own in splits])
        for k in sorted({s.layer for own in splits for s in own})
    ]
    none = Halfspaces(slope=np.zeros((len(boxes), 0, boxes.low.shape[1])), constant=np.zeros((len(boxes), 0)))
    return Halfspaces(
        slope=np.concatenate([none.slope, *(part.slope for part in made)], axis=1),
        constant=np.concatenate([none.constant, *(part.constant for part in made)], axis=1),
    )


def _in_layer(
    relaxation: Relaxation, bents: Sequence[Bent], boxes: Boxes, k: int, splits: list[list[Split]]
) -> Halfspaces:
    layer = relaxation.layers[k]
    which = np.flatnonzero([bool(own) for own in splits])
    signed = [[end for s in splits[i] for end in _ends(relaxation, s)] for i in which]
    most = max(len(own) for own in signed)
    weights, shift = np.zeros((len(which), most, layer.units)), np.ones((len(which), most))
    for row, own in enumerate(signed):
        for column, (signs, end) in enumerate(own):
            for unit, sign in signs:
                weights[row, column, unit] = sign
            shift[row, column] = end
    planes = substituted(
        relaxation,
        [bent[which] for bent in bents[:k]],
        Rows(layer=k, weights=weights),
        (boxes.low[which], boxes.high[which]),
    )
    # what is not there holds everywhere
    slope, constant = np.zeros((len(boxes), most, boxes.low.shape[1])), np.ones((len(boxes), most))
    slope[which] = planes.slope
    constant[which] = np.nextafter(planes.constant + shift, np.inf)
    return Halfspaces(slope=slope, constant=constant)


Signs = tuple[tuple[int, float], ...]


def _ends(relaxation: Relaxation, split: Split) -> list[tuple[Signs, float]]:
    """Return signs and shifts of what is not negative: the unit is at least the kink on its left, and so on."""
    layer = relaxation.layers[split.layer]
    if len(layer.windows):
        others = sorted({*layer.windows[split.unit].tolist()} - {split.piece})
        return [(((split.piece, 1.0), (other, -1.0)), 0.0) for other in others]
    return [(((split.unit, sign),), shift) for sign, shift in _around(layer, split)]


def _around(layer: Layer, split: Split) -> list[tuple[float, float]]:
    found = []
    kinks = layer.kinks_low.shape[1]
    if split.piece > kinks:
        kink = split.piece - kinks - 1
        low, high = layer.kinks_low[split.unit, kink], layer.kinks_high[split.unit, kink]
        return [(1.0, -float(low)), (-1.0, float(high))]
    if split.piece:
        found.append((1.0, -float(layer.kinks_low[split.unit, split.piece - 1])))
    if np.isfinite(layer.kinks_high[split.unit, split.piece : split.piece + 1]).any():
        found.append((-1.0, float(layer.kinks_high[split.unit, split.piece])))
    return found
