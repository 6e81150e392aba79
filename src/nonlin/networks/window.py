"""Operators over sliding windows in any number of spatial dimensions: convolution and pooling.

Layout is channels first, shape (batch, channels, *space), as in ONNX and PyTorch.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any, ClassVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from nonlin.networks.array import Array, matched

__all__ = ["AveragePool", "Convolution", "MaxPool", "Window"]

_NUMBERS_AT_ONCE = 2**18
"""Of the windows that a convolution writes out: few enough to stay in a processor's cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Where a kernel is laid: its size, strides, dilations, and the padding (before, after) of each axis."""

    size: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]

    def padded(self, x: Array, fill: float) -> Array:
        """Return x with its spatial axes padded."""
        if not any(before or after for before, after in self.padding):
            return x
        # exact numbers do not mix with floats
        value = int(fill) if x.dtype == object else fill
        return np.pad(x, [(0, 0), (0, 0), *self.padding], constant_values=value)

    def views(self, padded: Array) -> Array:
        """Return a read-only view of shape (batch, channels, *positions, *size)."""
        reach = tuple((n - 1) * d + 1 for n, d in zip(self.size, self.dilations, strict=True))
        space = tuple(range(2, padded.ndim))
        view = sliding_window_view(padded, reach, axis=space)
        steps = tuple(slice(None, None, s) for s in self.strides)
        taps = tuple(slice(None, None, d) for d in self.dilations)
        return view[(slice(None), slice(None), *steps, *taps)]

    def scatter(self, windows: Array, shape: tuple[int, ...]) -> Array:
        """Add windows of shape (batch, channels, *positions, *size) back where they came from.

        Args:
            windows: the cotangent of `views`.
            shape: the shape before padding.
        """
        out = self.blank(shape, windows.dtype)
        self.add(out, windows)
        return self.cropped(out)

    def blank(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """Return zeros of a shape, given without its padding, with it."""
        space = (n + b + a for n, (b, a) in zip(shape[2:], self.padding, strict=True))
        return np.zeros((*shape[:2], *space), dtype)

    def add(self, padded: Array, windows: Array, first: int = 0) -> None:
        """Add windows to an array with its padding, in place; `first` is their first position along the first axis."""
        for tap in np.ndindex(*self.size):
            starts = [t * d for t, d in zip(tap, self.dilations, strict=True)]
            starts[0] += first * self.strides[0]
            ends = zip(starts, windows.shape[2:], self.strides, strict=False)
            place = (slice(start, start + (n - 1) * s + 1, s) for start, n, s in ends)
            padded[(slice(None), slice(None), *place)] += windows[(..., *tap)]

    def cropped(self, padded: Array) -> Array:
        """Return what is left without the padding."""
        space = zip(padded.shape[2:], self.padding, strict=True)
        return padded[(slice(None), slice(None), *(slice(b, n - a) for n, (b, a) in space))]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Convolution:
    """A convolution (cross-correlation) with groups.

    Args:
        weight: shape (out channels, in channels / groups, *kernel).
        bias: shape (out channels,), or None.
        window: the kernel's place.
        groups: the number of groups.
    """

    kind: ClassVar[str] = "affine"
    weight: Array
    bias: Array | None
    window: Window
    groups: int = 1

    @property
    def parameters(self) -> int:
        """The number of weights and biases."""
        return self.weight.size + (0 if self.bias is None else self.bias.size)

    def apply(self, x: Array) -> Array:
        """Return the convolution, shape (batch, out channels, *positions)."""
        views = self.window.views(self.window.padded(x, 0.0))
        d, outputs = len(self.window.size), self.weight.shape[0]
        # channels and taps first: what is copied then lies in rows, and one product serves all samples
        rows = views.transpose(1, *range(2 + d, 2 + 2 * d), 0, *range(2, 2 + d))
        kernel = self._kernel(x)
        out = np.empty((len(x), outputs, *views.shape[2 : 2 + d]), x.dtype)
        for batch, along in self._pieces(out.shape):
            piece = rows[(*(slice(None),) * (1 + d), batch, along)]
            made = kernel @ piece.reshape(self.groups, kernel.shape[2], -1)
            out[batch, :, along] = np.moveaxis(made.reshape(outputs, *piece.shape[1 + d :]), 0, 1)
        if self.bias is not None:
            out += matched(self.bias, x).reshape(-1, *(1,) * d)
        return out

    def pullback(self, cotangent: Array, x: Array) -> tuple[Array]:
        """Return the transposed convolution of the cotangent."""
        d = len(self.window.size)
        kernel = self._kernel(cotangent).swapaxes(1, 2)
        padded = self.window.blank(x.shape, cotangent.dtype)
        for batch, along in self._pieces(cotangent.shape):
            piece = np.moveaxis(cotangent[batch, :, along], 1, 0)
            taps = kernel @ piece.reshape(self.groups, kernel.shape[2], -1)
            windows = taps.reshape(x.shape[1], *self.window.size, *piece.shape[1:])
            order = (1 + d, 0, *range(2 + d, 2 + 2 * d), *range(1, 1 + d))
            self.window.add(padded[batch], windows.transpose(order), along.start)
        return (self.window.cropped(padded),)

    def _kernel(self, x: Array) -> Array:
        """Return the weights, shape (groups, out channels of each, in channels of each · taps)."""
        outputs = self.weight.shape[0]
        return matched(self.weight, x).reshape(self.groups, outputs // self.groups, -1)

    def _pieces(self, shape: tuple[int, ...]) -> Iterator[tuple[slice, slice]]:
        """Cut an output's batch and its first spatial axis, so that the windows of a piece are few numbers."""
        samples, positions = shape[0], shape[2]
        row = self.groups * prod(self.weight.shape[1:]) * prod(shape[3:])
        many = max(1, _NUMBERS_AT_ONCE // max(1, row))
        rows = min(many, max(1, positions))
        for i, j in product(range(0, samples, max(1, many // rows)), range(0, positions, rows)):
            yield slice(i, min(i + max(1, many // rows), samples)), slice(j, min(j + rows, positions))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AveragePool:
    """The mean over each window; the padding is counted only where the model says so."""

    kind: ClassVar[str] = "affine"
    window: Window
    count_padding: bool = False

    def _counts(self, x: Array) -> Array:
        ones = np.ones((1, 1, *x.shape[2:]), x.dtype)
        taps = tuple(range(-len(self.window.size), 0))
        views = self.window.views(self.window.padded(ones, 1.0 if self.count_padding else 0.0))
        return np.asarray(views.sum(axis=taps))

    def apply(self, x: Array) -> Array:
        """Return the means, shape (batch, channels, *positions)."""
        taps = tuple(range(-len(self.window.size), 0))
        return np.asarray(self.window.views(self.window.padded(x, 0.0)).sum(axis=taps) / self._counts(x))

    def pullback(self, cotangent: Array, x: Array) -> tuple[Array]:
        """Spread the cotangent evenly over each window."""
        each = cotangent / self._counts(x)
        taps = (1,) * len(self.window.size)
        windows = np.broadcast_to(each.reshape(*each.shape, *taps), (*each.shape, *self.window.size))
        return (self.window.scatter(windows, x.shape),)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MaxPool:
    """The largest entry of each window; NaN wins, as in NumPy."""

    kind: ClassVar[str] = "piecewise linear"
    window: Window

    def apply(self, x: Array) -> Array:
        """Return the maxima, shape (batch, channels, *positions)."""
        taps = tuple(range(-len(self.window.size), 0))
        return np.asarray(self.window.views(self.window.padded(x, -np.inf)).max(axis=taps))

    def pullback(self, cotangent: Array, x: Array) -> tuple[Array]:
        """Give the cotangent to the first largest entry of each window."""
        views = self.window.views(self.window.padded(x, -np.inf))
        flat = views.reshape(*cotangent.shape, -1)
        first = np.argmax(flat, axis=-1)[..., None]
        windows = np.zeros(flat.shape, cotangent.dtype)
        np.put_along_axis(windows, first, cotangent[..., None], axis=-1)
        return (self.window.scatter(windows.reshape(views.shape), x.shape),)
