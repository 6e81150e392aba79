"""A user's network as the page holds it: its weights where it is small, else the plane as Python computes it."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nonlin.errors import InvalidInputError
from nonlin.explore.layers import Layer, chain
from nonlin.explore.slices import computed_plane
from nonlin.inspection import Inspection, inspect
from nonlin.inspection.data import batches_of, read_data
from nonlin.inspection.inspect import shaped
from nonlin.inspection.model import Model, open_model

if TYPE_CHECKING:
    from nonlin.networks import Network
    from nonlin.networks.array import Array

__all__ = ["embedded"]

_MOST_WEIGHTS = 60_000
"""A page with more would be larger than 1.5 MB, or slow to fold while a finger drags."""

_RANDOM = 40
"""Random samples where no data are given."""

_MOST_NUMBERS = 20_000
"""Of all samples together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    network: Network
    samples: Array
    labels: list[int] | None


def embedded(model: Any, data: Any = None, *, example: bool = False) -> dict[str, Any]:
    """Return what the panel "My network" shows, as values that JSON has.

    A chain of affine layers and piecewise linear calls with at most 60,000 weights goes into the page as it is, and the
    page folds it. Of another piecewise linear network the plane through the first three samples is folded here; of any
    other, its first outputs are computed on a grid of that plane.

    Args:
        model: as for `nonlin.inspect`.
        data: as for `nonlin.inspect`; at least three samples. None for random ones, and the page says so.
        example: whether this is the demonstration and not the user's.

    Raises:
        InvalidInputError: fewer than three samples, an example that is not one array, or no data for a model that
            does not say what shape it takes.
    """
    random = data is None
    if random:
        data = _random_samples(open_model(model))
    given = _given(model, data)
    inspection = inspect(model, data)
    layers = chain(given.network, given.samples.shape[1:], most=_MOST_WEIGHTS)
    found = {
        "name": _name(model, given.network),
        "example": example,
        "parameters": inspection.parameters,
        "labels": given.labels,
        "random": random,
        **_units(inspection),
    }
    if layers is not None:
        flat = given.samples.reshape(len(given.samples), -1)
        return found | {
            "outputs": len(layers[-1].bias),
            "layers": [_layer(layer) for layer in layers],
            "samples": _array(flat),
        }
    return found | {"layers": None, "samples": None} | computed_plane(given.network, given.samples[:3])


def _given(model: Any, data: Any) -> _Given:
    opened = open_model(model)
    if isinstance(data, str | Path):
        data = shaped(read_data(Path(data)), opened)
    batch = next(iter(batches_of(data)))
    if len(batch.inputs) != 1:
        raise InvalidInputError(
            f"expected a network with one input for a plane through samples, got {len(batch.inputs)}; inspect it"
        )
    samples = np.asarray(next(iter(batch.inputs.values())))
    if len(samples) < 3:
        raise InvalidInputError(
            f"expected at least three samples for a plane, got {len(samples)}; give more data"
        )
    network = opened.network(samples[:1])
    count = max(3, min(len(samples), 40, _MOST_NUMBERS // max(samples[0].size, 1)))
    chosen = _various(batch.labels, count)
    labels = None if batch.labels is None else [int(n) for n in np.ravel(batch.labels)[chosen]]
    return _Given(network=network, samples=samples[chosen].astype(np.float64), labels=labels)


def _random_samples(opened: Model) -> Array:
    """Return standard normal numbers of the shape that a model takes."""
    shape = opened.sample_shape
    if shape is None or None in shape:
        raise InvalidInputError(
            "expected a model that declares the shape of its one input, for it was given no data; give data (--data)"
        )
    return np.random.default_rng(0).normal(size=(_RANDOM, *(n or 0 for n in shape))).astype(np.float32)


def _various(labels: Any, count: int) -> Array:
    """Return the places of samples: first one of each class, then the others in order."""
    if labels is None:
        return np.arange(count)
    classes = np.ravel(labels)
    first = np.sort(np.unique(classes, return_index=True)[1])
    rest = np.setdiff1d(np.arange(len(classes)), first)
    return np.concatenate([first, rest])[:count]


def _units(inspection: Inspection) -> dict[str, Any]:
    calls = [{"name": c.name, "units": c.units, "dead": c.dead, "linear": c.linear} for c in inspection.calls]
    return {"calls": calls, "measured": inspection.samples}


def _name(model: Any, network: Network) -> str:
    return Path(model).name if isinstance(model, str | Path) else network.name


def _layer(layer: Layer) -> dict[str, Any]:
    pieces = None if layer.pieces is None else {"cuts": layer.pieces.cuts, "lines": layer.pieces.lines}
    return {"weight": _array(layer.weight), "bias": _array(layer.bias), "pieces": pieces}


def _array(values: Array) -> dict[str, Any]:
    """Return an array as base64; in float32 where that loses nothing, for it takes half the room."""
    narrow = values.astype("<f4")
    kind = "<f4" if np.array_equal(narrow.astype(np.float64), values) else "<f8"
    return {
        "type": kind,
        "shape": list(values.shape),
        "data": base64.b64encode(values.astype(kind).tobytes()).decode(),
    }
