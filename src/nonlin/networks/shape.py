"""Affine operators that only move entries: reshape, transpose, slice, take, pad, concatenate."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nonlin.networks.array import Array

__all__ = ["Cast", "Concatenate", "Identity", "Pad", "Reshape", "Slice", "Take", "Transpose"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Identity:
    """Nothing happens: ONNX Identity, Dropout at inference."""

    kind: ClassVar[str] = "affine"

    def apply(self, x: Array) -> Array:
        """Return x."""
        return x

    def pullback(self, cotangent: Array, _x: Array) -> tuple[Array]:
        """Return the cotangent."""
        return (cotangent,)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cast:
    """A cast to a floating-point type. It never narrows: what is computed in float64 stays so.

    Args:
        dtype: "float32" or "float64".
    """

    kind: ClassVar[str] = "affine"
    dtype: str

    def apply(self, x: Array) -> Array:
        """Return x, whole numbers and narrower floats in the new type."""
        if x.dtype == object:  # exact numbers
            return x
        wide = x.dtype.kind == "f" and x.dtype.itemsize >= np.dtype(self.dtype).itemsize
        return x if wide else x.astype(self.dtype)

    def pullback(self, cotangent: Array, _x: Array) -> tuple[Array]:
        """Return the cotangent."""
        return (cotangent,)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reshape:
    """A reshape by ONNX's rules: −1 is inferred, 0 keeps the axis."""

    kind: ClassVar[str] = "affine"
    shape: tuple[int, ...]

    def apply(self, x: Array) -> Array:
        """Return x in the new shape."""
        return x.reshape([x.shape[i] if n == 0 else n for i, n in enumerate(self.shape)])

    def pullback(self, cotangent: Array, x: Array) -> tuple[Array]:
        """Return the cotangent in x's shape."""
        return (cotangent.reshape(x.shape),)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Transpose:
    """A permutation of the axes; no permutation given reverses them."""

    kind: ClassVar[str] = "affine"
    permutation: tuple[int, ...] | None = None

    def axes(self, ndim: int) -> tuple[int, ...]:
        """Return the permutation for this number of axes."""
        return tuple(reversed(range(ndim))) if self.permutation is None else self.permutation

    def apply(self, x: Array) -> Array:
        """Return x with its axes permuted."""
        return x.transpose(self.axes(x.ndim))

    def pullback(self, cotangent: Array, x: Array) -> tuple[Array]:
        """Permute back."""
        return (cotangent.transpose(np.argsort(self.axes(x.ndim))),)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slice:
    """A slice along some axes: (axis, start, stop, step) each, as Python slices do."""

    kind: ClassVar[str] = "affine"
    ranges: tuple[tuple[int, int | None, int | None, int], ...]

    def index(self, ndim: int) -> tuple[slice, ...]:
        """Return the index of NumPy for this number of axes."""
        index = [slice(None)] * ndim
        for axis, start, stop, step in self.ranges:
            index[axis % ndim] = slice(start, stop, step)
        return tuple(index)

    def apply(self, x: Array) -> Array:
        """Return the slice."""
        return x[self.index(x.ndim)]

    def pullback(self, cotangent: Array, x: Array) -> tuple[Array]:
        """Put the cotangent where the slice was, zeros elsewhere."""
        back = np.zeros(x.shape, cotangent.dtype)
        back[self.index(x.ndim)] = cotangent
        return (back,)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Take:
    """Entries picked by constant indices along an axis (ONNX Gather)."""

    kind: ClassVar[str] = "affine"
    indices: Array
    axis: int

    def apply(self, x: Array) -> Array:
        """Return the entries."""
        return np.take(x, self.indices, axis=self.axis)

    def pullback(self, cotangent: Array, x: Array) -> tuple[Array]:
        """Add each cotangent where its entry came from."""
        back = np.zeros(x.shape, cotangent.dtype)
        axis = self.axis % x.ndim
        moved = np.moveaxis(back, axis, 0)
        np.add.at(
            moved,
            self.indices,
            np.moveaxis(cotangent, range(axis, axis + self.indices.ndim), range(self.indices.ndim)),
        )
        return (back,)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pad:
    """Constant padding; (before, after) for each axis, negative crops."""

    kind: ClassVar[str] = "affine"
    widths: tuple[tuple[int, int], ...]
    value: float = 0.0

    def _kept(self, shape: tuple[int, ...], grow: int) -> tuple[slice, ...]:
        return tuple(
            slice(max(grow * before, 0), size - max(grow * after, 0))
            for (before, after), size in zip(self.widths, shape, strict=True)
        )

    def apply(self, x: Array) -> Array:
        """Return the padded or cropped x."""
        x = x[self._kept(x.shape, -1)]
        return np.pad(x, [(max(b, 0), max(a, 0)) for b, a in self.widths], constant_values=self.value)

    def pullback(self, cotangent: Array, x: Array) -> tuple[Array]:
        """Return the part of the cotangent that belongs to x."""
        back = np.zeros(x.shape, cotangent.dtype)
        back[self._kept(x.shape, -1)] = cotangent[self._kept(cotangent.shape, 1)]
        return (back,)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Concatenate:
    """Tensors joined along an axis."""

    kind: ClassVar[str] = "affine"
    axis: int

    def apply(self, *inputs: Array) -> Array:
        """Return the joined tensor."""
        return np.concatenate(inputs, axis=self.axis)

    def pullback(self, cotangent: Array, *inputs: Array) -> tuple[Array, ...]:
        """Return each input's part of the cotangent."""
        ends = np.cumsum([x.shape[self.axis] for x in inputs])[:-1]
        return tuple(np.split(cotangent, ends, axis=self.axis))
