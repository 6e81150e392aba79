"""Operators over sliding windows in any number of spatial dimensions: convolution and pooling.

Layout is channels first, shape (batch, channels, *space), as in ONNX and PyTorch.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from nonlin.networks.array import Array, matched

__all__ = ["AveragePool", "Convolution", "MaxPool", "Window"]


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
        full = (*shape[:2], *(n + b + a for n, (b, a) in zip(shape[2:], self.padding, strict=True)))
        out = np.zeros(full, windows.dtype)
        dimensions = len(self.size)
        for tap in np.ndindex(*self.size):
            place = tuple(
                slice(t * d, t * d + (windows.shape[2 + i] - 1) * s + 1, s)
                for i, (t, d, s) in enumerate(zip(tap, self.dilations, self.strides, strict=True))
            )
            out[(slice(None), slice(None), *place)] += windows[(..., *tap)]
        crop = tuple(slice(b, out.shape[2 + i] - a) for i, (b, a) in enumerate(self.padding))
        assert len(crop) == dimensions  # noqa: S101 - a broken invariant of ours, not the user's input
        return out[(slice(None), slice(None), *crop)]


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
        dimensions = len(self.window.size)
        positions = views.shape[2 : 2 + dimensions]
        batch, groups = x.shape[0], self.groups
        order = (0, *range(2, 2 + dimensions), 1, *range(2 + dimensions, views.ndim))
        out = np.empty((batch, *positions, self.weight.shape[0]), x.dtype)
        each_in, each_out = x.shape[1] // groups, self.weight.shape[0] // groups
        kernel = matched(self.weight, x).reshape(groups, each_out, -1)
        for g in range(groups):
            part = views[:, g * each_in : (g + 1) * each_in].transpose(order)
            columns = part.reshape(batch * int(np.prod(positions)), -1)
            out[..., g * each_out : (g + 1) * each_out] = (columns @ kernel[g].T).reshape(
                batch, *positions, each_out
            )
        if self.bias is not None:
            out += matched(self.bias, x)
        return np.moveaxis(out, -1, 1)

    def pullback(self, cotangent: Array, x: Array) -> tuple[Array]:
        """Return the transposed convolution of the cotangent."""
        groups, dimensions = self.groups, len(self.window.size)
        each_out = self.weight.shape[0] // groups
        kernel = matched(self.weight, cotangent).reshape(groups, each_out, *self.weight.shape[1:])
        moved = np.moveaxis(cotangent, 1, -1)
        parts = []
        for g in range(groups):
            part = np.tensordot(moved[..., g * each_out : (g + 1) * each_out], kernel[g], axes=(-1, 0))
            parts.append(np.moveaxis(part, 1 + dimensions, 1))
        return (self.window.scatter(np.concatenate(parts, axis=1), x.shape),)


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
