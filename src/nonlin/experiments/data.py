"""The data of a study: three parts that never mix, and what is a good answer on them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nonlin.errors import InvalidInputError, MissingInputError

__all__ = ["Data", "as_data", "standardised"]

Array = npt.NDArray[Any]

_SPLIT_SEED = 20170
_PARTS = ("x_train", "y_train", "x_validation", "y_validation", "x_test", "y_test")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Data:
    """Inputs of shape (samples, …) and targets of shape (samples, …) of three parts.

    Weights are trained on the first part, rates and the moment to stop are chosen on the second, and the third is
    read only by the trials of the last stage.
    """

    x_train: Array
    y_train: Array
    x_validation: Array
    y_validation: Array
    x_test: Array
    y_test: Array

    @property
    def classes(self) -> bool:
        """Whether the targets are class numbers."""
        return self.y_train.dtype.kind in "iu"

    @property
    def score(self) -> str:
        """What is compared; higher is better."""
        return "accuracy" if self.classes else "R²"

    @property
    def chance(self) -> float:
        """The score on the test part of one constant answer: what a run is worth that never had a finite one."""
        return float(np.bincount(self.y_test.ravel()).max() / self.y_test.size) if self.classes else 0.0

    @property
    def digest(self) -> str:
        """A hash of everything."""
        found = hashlib.sha256()
        for name in _PARTS:
            array = np.ascontiguousarray(getattr(self, name))
            found.update(f"{array.dtype}{array.shape}".encode())
            found.update(array.tobytes())
        return found.hexdigest()[:16]


def as_data(made: Any) -> Data:
    """Return the data that a user hands in.

    Args:
        made: (x, y), which is split at random into 60, 20 and 20 %, the same way every time; (x_train, y_train, x_test,
            y_test), of whose first part a fifth is held out; all six arrays of `Data` in its order, or a mapping or an
            .npz file of `x` and `y` or of those names. Integers as targets are classes, other numbers are a
            regression's.

    Raises:
        InvalidInputError: anything else, parts of unequal length, or no samples.
        MissingInputError: no such file.
    """
    if isinstance(made, Data):
        return made
    if isinstance(made, str | Path):
        if not Path(made).exists():
            raise MissingInputError(f"expected an .npz file of data, but there is no {made}; name one")
        with np.load(made, allow_pickle=False) as stored:
            made = {name: stored[name] for name in stored.files}
    if isinstance(made, Mapping):
        names: tuple[str, ...] = (
            _PARTS if "x_validation" in made else ("x_train", "y_train", "x_test", "y_test")
        )
        names = names if "x_train" in made else ("x", "y")
        missing = [name for name in names if name not in made]
        if missing:
            raise InvalidInputError(
                f"expected data with x and y, or with {', '.join(_PARTS)}; got no {missing[0]}"
            )
        made = tuple(made[name] for name in names)
    if not isinstance(made, tuple | list) or len(made) not in (2, 4, 6):
        raise InvalidInputError(
            f"expected data as (x, y), four or six arrays, a mapping or an .npz file, got {type(made).__name__}"
        )
    return _parted([_array(part) for part in made])


def standardised(data: Data) -> Data:
    """Return the data with every input shifted and scaled to mean 0 and standard deviation 1 over the training part."""
    mean, spread = data.x_train.mean(axis=0), data.x_train.std(axis=0)
    spread = np.where(spread > 1e-6, spread, 1)  # a pixel that never changes stays as it is
    parts = {name: getattr(data, name) for name in _PARTS}
    for name in ("x_train", "x_validation", "x_test"):
        parts[name] = ((parts[name] - mean) / spread).astype(np.float32)
    return Data(**parts)


def _array(part: Any) -> Array:
    array = np.asarray(part.detach().cpu() if hasattr(part, "detach") else part)
    if array.dtype.kind not in "fiub" or array.ndim == 0 or len(array) == 0:
        raise InvalidInputError(
            f"expected arrays of numbers with samples, got {array.dtype} of shape {array.shape}"
        )
    return array.astype(np.float32 if array.dtype.kind == "f" else np.int64)


def _parted(parts: list[Array]) -> Data:
    for x, y in zip(parts[::2], parts[1::2], strict=True):
        if len(x) != len(y):
            raise InvalidInputError(
                f"expected as many targets as samples, got {len(y)} for {len(x)}; check the data"
            )
    if len(parts) == 2:
        x, y = parts
        order = np.random.default_rng(_SPLIT_SEED).permutation(len(x))
        ends = [round(0.6 * len(x)), round(0.8 * len(x))]
        parts = [piece for part in np.split(order, ends) for piece in (x[part], y[part])]
    elif len(parts) == 4:
        x, y = parts[:2]
        order = np.random.default_rng(_SPLIT_SEED).permutation(len(x))
        kept, held = np.split(order, [round(0.8 * len(x))])
        parts = [x[kept], y[kept], x[held], y[held], *parts[2:]]
    if min(map(len, parts)) == 0:
        raise InvalidInputError("expected samples in every part, got an empty one; give more data")
    return Data(**dict(zip(_PARTS, parts, strict=True)))
