"""Bounds of every pre-activation in many boxes, and the lines that follow from them."""

from dataclasses import dataclass, replace

import numpy as np

from nonlin.errors import UnsupportedModelError
from nonlin.geometry.cells.chain import Chain
from nonlin.geometry.rounding import OUTWARD, TINY, UNIT_ROUNDOFF, gamma
from nonlin.geometry.verification.clock import check_time
from nonlin.geometry.verification.layers import Layer, layers_of
from nonlin.geometry.verification.lines import decided, lines_around, straight_lines
from nonlin.geometry.verification.relaxation import Bent, Relaxation, Rows, substituted
from nonlin.networks.array import Array

__all__ = ["Boxes", "prepare", "propagated"]

_OPEN = -1
_ENTRIES_AT_ONCE = 1 << 21


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Boxes:
    """Parts of the input, each with what is known of the pieces there.

    Args:
        low, high: shape (boxes, inputs).
        pieces: for each decision the piece or the window's entry, −1 where it is open; shape (boxes, decisions).
    """

    low: Array
    high: Array
    pieces: Array

    def __len__(self) -> int:
        return len(self.low)

    def __getitem__(self, which: "slice | Array") -> "Boxes":
        """Return some of the boxes."""
        return Boxes(low=self.low[which], high=self.high[which], pieces=self.pieces[which])


def prepare(
    chain: Chain, low: Array, high: Array, *, until: float = np.inf
) -> tuple[Relaxation, tuple[Bent, ...], Boxes]:
    """Return a network over one box, with its lines there and what is decided.

    Args:
        chain: the network.
        low: the box's lower ends, shape (inputs,).
        high: its upper ends.
        until: a moment of the monotonic clock.

    Raises:
        OutOfTime: when that is over.
        UnsupportedModelError: if float64 overflows, or a layer is not understood.
    """
    layers = layers_of(chain)
    offsets = np.cumsum([0, *(layer.choices for layer in layers)])
    relaxation = Relaxation(
        layers=layers,
        size=np.maximum(np.abs(low), np.abs(high)),
        spread=(),
        offsets=tuple(int(i) for i in offsets),
        outputs=chain.outputs,
    )
    boxes = Boxes(low=low[None], high=high[None], pieces=np.full((1, offsets[-1]), _OPEN, np.int32))
    bents: list[Bent] = []
    start, end = low[None], high[None]
    for k, layer in enumerate(layers):
        start, end, spread = _interval(layer, start, end)
        if not np.all(np.isfinite(spread)):
            raise UnsupportedModelError(f"expected numbers within float64, got an overflow at '{layer.call}'")
        relaxation = replace(relaxation, spread=(*relaxation.spread, spread))
        start, end = _tightened(relaxation, k, tuple(bents), boxes, (start, end), until)
        bent, pieces = _bent(layer, boxes.pieces[:, relaxation.part(k)], start, end)
        boxes.pieces[:, relaxation.part(k)] = pieces
        bents.append(bent)
        start, end = _image(layer, bent, start, end)
    return relaxation, tuple(bents), boxes


def propagated(
    relaxation: Relaxation, boxes: Boxes, *, until: float = np.inf
) -> tuple[tuple[Bent, ...], Boxes]:
    """Return the lines in every box, and the boxes with what is decided now.

    Args:
        relaxation: of the network.
        boxes: parts of the first box.
        until: a moment of the monotonic clock.

    Raises:
        OutOfTime: when that is over.
    """
    pieces = boxes.pieces.copy()
    known = replace(boxes, pieces=pieces)
    bents: list[Bent] = []
    for k, layer in enumerate(relaxation.layers):
        part = relaxation.part(k)
        start, end = np.full((2, len(boxes), layer.units), np.nan)
        start, end = _tightened(relaxation, k, tuple(bents), known, (start, end), until)
        bent, pieces[:, part] = _bent(layer, pieces[:, part], start, end)
        bents.append(bent)
    return tuple(bents), known


def _tightened(
    relaxation: Relaxation,
    k: int,
    bents: tuple[Bent, ...],
    boxes: Boxes,
    ends: tuple[Array, Array],
    until: float,
) -> tuple[Array, Array]:
    """Bound the pre-activations that are open in some box; the others keep the ends that are given."""
    layer, (start, end) = relaxation.layers[k], ends
    which = _open_units(layer, boxes.pieces[:, relaxation.part(k)])
    most = int(which.sum(axis=1).max(initial=0))
    if not most:
        return start, end
    units = np.argsort(~which, axis=1, kind="stable")[:, :most]
    boxes_at_once = max(1, _ENTRIES_AT_ONCE // (2 * most * max(layer.units, relaxation.layers[0].units)))
    start, end = start.copy(), end.copy()
    for first in range(0, len(boxes), boxes_at_once):
        check_time(until)
        rows = slice(first, first + boxes_at_once)
        low, high = _bounded(relaxation, k, [bent[rows] for bent in bents], _box(boxes, rows), units[rows])
        at = (np.arange(len(boxes))[rows, None], units[rows])
        start[at] = np.fmax(start[at], low)
        end[at] = np.fmin(end[at], high)
    return start, end


def _bounded(
    relaxation: Relaxation, k: int, bents: list[Bent], box: tuple[Array, Array], units: Array
) -> tuple[Array, Array]:
    """Bound single pre-activations of a layer, units of shape (boxes, rows), from both sides."""
    layer, most = relaxation.layers[k], units.shape[1]
    first = layer.gather(units)
    weights = np.concatenate([first, -first], axis=1)
    size = layer.bias[units]
    rows = Rows(layer=k, weights=weights)
    found = _after_affine(relaxation, rows, bents, box)
    lost = relaxation.spread[k][units] + 4 * UNIT_ROUNDOFF * np.abs(size)
    high = found[:, :most] + size + lost * OUTWARD
    low = -(found[:, most:] - size + lost * OUTWARD)
    slack = 4 * UNIT_ROUNDOFF * (np.abs(found[:, :most]) + np.abs(found[:, most:])) + TINY
    return low - slack, high + slack


def _after_affine(relaxation: Relaxation, rows: Rows, bents: list[Bent], box: tuple[Array, Array]) -> Array:
    """Bound weights on what layer k reads."""
    shorter = replace(relaxation, layers=relaxation.layers[: rows.layer])
    return substituted(shorter, bents, rows, box).highest


def _box(boxes: Boxes, rows: slice) -> tuple[Array, Array]:
    return boxes.low[rows], boxes.high[rows]


def _open_units(layer: Layer, pieces: Array) -> Array:
    """Return the units whose bounds are asked for, shape (boxes, units)."""
    if not len(layer.windows):
        return np.asarray((pieces == _OPEN) & layer.bent)
    which = np.zeros((len(pieces), layer.units), bool)
    for entry in layer.windows.T:
        box, window = np.nonzero(pieces == _OPEN)
        which[box, entry[window]] = True
    return which


def _bent(layer: Layer, pieces: Array, start: Array, end: Array) -> tuple[Bent, Array]:
    """Return what stands for a layer's bends, and the pieces that are known."""
    if len(layer.windows):
        return _pooled(layer, pieces, start, end)
    pieces = np.where(layer.bent, pieces, 0)
    box, unit = np.nonzero(pieces == _OPEN)
    low, high = start[box, unit], end[box, unit]
    pieces[box, unit] = decided(layer, unit, low, high)
    lines = straight_lines(layer, pieces)
    gap = np.zeros(pieces.shape)
    rest = pieces[box, unit] == _OPEN
    box, unit = box[rest], unit[rest]
    if len(box):
        lines[:, box, unit], gap[box, unit] = lines_around(layer, unit, low[rest], high[rest])
    return Bent(lines=lines, gap=gap), pieces


def _pooled(layer: Layer, pieces: Array, start: Array, end: Array) -> tuple[Bent, Array]:
    low, high = start[:, layer.windows], end[:, layer.windows]
    repeated = np.zeros(layer.windows.shape, bool)
    repeated[:, 1:] = layer.windows[:, 1:] == layer.windows[:, :1]
    low, high = np.where(repeated, -np.inf, low), np.where(repeated, -np.inf, high)
    with np.errstate(invalid="ignore"):
        best = np.where(np.isnan(low), -np.inf, low).argmax(axis=2)
        others = np.where(np.arange(low.shape[2]) == best[..., None], -np.inf, high).max(axis=2)
        floor = np.take_along_axis(low, best[..., None], axis=2)[..., 0]
        sure = floor >= others
        highest = high.max(axis=2)
    entry = layer.windows[np.arange(len(layer.windows)), best]
    made = np.where(pieces != _OPEN, pieces, np.where(sure, entry, _OPEN))
    left = made == _OPEN
    unit_lines = straight_lines(layer, np.zeros((len(pieces), layer.units), np.intp))
    bent = Bent(
        lines=unit_lines,
        gap=np.where(left, highest - floor, 0.0),
        upper=made.astype(np.int64),
        highest=np.where(left, highest, 0.0),
        lower=np.where(left, entry, made).astype(np.int64),
    )
    return bent, made


def _interval(layer: Layer, low: Array, high: Array) -> tuple[Array, Array, Array]:
    """Take a box through an affine map, outwards; and what a unit of weight on each result loses by rounding."""
    middle = (low + high) / 2
    around = np.maximum(high - middle, middle - low) * OUTWARD
    size = np.maximum(np.abs(low), np.abs(high))
    value = np.asarray(middle @ layer.weight.T) + layer.bias
    reach = (np.asarray(size @ layer.absolute.T) + np.abs(layer.bias)) * OUTWARD + TINY
    relative = gamma(layer.terms + layer.units)
    radius = (np.asarray(around @ layer.absolute.T) + relative * reach) * OUTWARD + TINY
    edge = radius + 4 * UNIT_ROUNDOFF * (np.abs(value) + radius)
    spread = (relative + 8 * UNIT_ROUNDOFF) * reach * OUTWARD
    return value - edge, value + edge, spread[0]


def _image(layer: Layer, bent: Bent, low: Array, high: Array) -> tuple[Array, Array]:
    """Return bounds of what a layer makes."""
    if len(layer.windows):
        ends = [
            np.concatenate([x[:, layer.passing], x[:, layer.windows].max(axis=2)], axis=1)
            for x in (low, high)
        ]
        return ends[0], ends[1]
    corners = np.stack([
        bent.lines[s] * x + bent.lines[s + 1] for s in (0, 2) for x in (low, high)
    ])  # fmt: skip
    margin = 8 * UNIT_ROUNDOFF * np.abs(corners).max(axis=0) + TINY
    return corners[2:].min(axis=0) - margin, corners[:2].max(axis=0) + margin
