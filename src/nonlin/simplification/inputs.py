"""What is fed to a network to compare it with another, and to learn the shapes of its tensors."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from nonlin.errors import InvalidInputError
from nonlin.networks import Tensor
from nonlin.networks.array import Array

__all__ = ["Box", "feeds_of", "given_feeds", "random_feed"]

Box = Mapping[str, tuple[Array, Array]]
"""Low and high ends by the name of the input."""

_SIZES = (64, 32, 224, 128, 512, 256)
"""Tried for axes of unknown length."""


def feeds_of(inputs: tuple[Tensor, ...], box: Box | None, rng: Any) -> Iterator[dict[str, Array]]:
    """Yield a random sample or two of every input, in one guess after another of the sizes that are not known."""
    unknown = any(n is None for tensor in inputs for n in tensor.shape[1:])
    batches = (2, 1) if any(t.shape and t.shape[0] is None for t in inputs) else (1,)
    for size in _SIZES if unknown else (1,):
        for batch in batches:
            feed = random_feed(inputs, box, rng, size=size, batch=batch)
            yield feed
            yield from _variants(inputs, feed, batch)


def _variants(inputs: tuple[Tensor, ...], feed: dict[str, Array], batch: int) -> Iterator[dict[str, Array]]:
    """Yield the same with states, whose batch axis is not the first, and with rates of sampling, which are numbers."""
    state = {
        t.name: np.resize(feed[t.name], tuple(batch if n is None else n for n in t.shape)) for t in inputs[1:]
    }
    if not state:
        return
    numbers = [name for name, array in state.items() if array.ndim == 0 and array.dtype.kind == "i"]
    for rate in (16000, 8000) if numbers else (0,):
        yield {**feed, **state, **{name: np.asarray(rate, np.int64) for name in numbers}}


def random_feed(
    inputs: tuple[Tensor, ...], box: Box | None, rng: Any, *, size: int = 64, batch: int = 2
) -> dict[str, Array]:
    """Return random values for every input: in the box where there is one, else normal; whole numbers are 0 or 1."""
    feed = {}
    for tensor in inputs:
        ends = () if box is None or tensor.name not in box else np.broadcast(*box[tensor.name]).shape
        sizes = (batch, *ends) if len(ends) == len(tensor.shape) - 1 else (batch, *[size] * len(tensor.shape))
        shape = tuple(m if n is None else n for n, m in zip(tensor.shape, sizes, strict=False))
        kind = np.dtype(tensor.dtype) if tensor.dtype != "unknown" else np.dtype(np.float32)
        if box is not None and tensor.name in box:
            low, high = box[tensor.name]
            values = low + (high - low) * rng.random(shape)
        elif kind.kind == "f":
            values = rng.standard_normal(shape)
        else:
            values = rng.integers(0, 2, shape)
        feed[tensor.name] = np.asarray(values).astype(kind)
    return feed


def given_feeds(
    inputs: tuple[Tensor, ...], arrays: Mapping[str, Array], *, most: int
) -> list[dict[str, Array]]:
    """Cut what a user gave into feeds of the sizes that the network takes.

    Args:
        inputs: of the network.
        arrays: by the name of the input; with one input, one array of any name.
        most: samples at most.

    Raises:
        InvalidInputError: if an input is missing or has another shape.
    """
    named = dict(arrays)
    if len(inputs) == 1 and inputs[0].name not in named and len(named) == 1:
        named = {inputs[0].name: next(iter(named.values()))}
    missing = [t.name for t in inputs if t.name not in named]
    if missing:
        raise InvalidInputError(
            f"expected data for every input, got none for {', '.join(missing)}; name the arrays after the inputs"
        )
    first = inputs[0]
    fixed = first.shape[0] if first.shape else None
    step = fixed or 16
    count = min(most, len(named[first.name]) if named[first.name].ndim else 1)
    feeds = []
    for start in range(0, max(count - count % step if fixed else count, 1), step):
        feed = {}
        for tensor in inputs:
            array = named[tensor.name]
            batched = array.ndim and tensor.shape[:1] in ((None,), (fixed,)) and len(array) >= count
            part = array[start : start + step] if batched else array
            wanted = tuple(len(part) if i == 0 and batched else n for i, n in enumerate(tensor.shape))
            whole = tuple(n for n in wanted if n is not None)
            if len(whole) == len(wanted) and part.shape != whole and part.size == np.prod(whole):
                part = part.reshape(whole)
            if len(part.shape) != len(wanted) or any(
                n not in (None, m) for n, m in zip(wanted, part.shape, strict=True)
            ):
                raise InvalidInputError(
                    f"expected data of shape {tensor} for each batch, got {part.shape}; change its shape"
                )
            kind = np.float32 if tensor.dtype == "unknown" else tensor.dtype
            feed[tensor.name] = part.astype(kind)
        feeds.append(feed)
    return feeds
