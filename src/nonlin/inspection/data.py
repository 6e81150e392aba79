"""Reading what a user calls data: files, arrays, tensors, iterables of batches; checked before anything runs."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nonlin.errors import InvalidInputError, MissingInputError, UnsafeModelError
from nonlin.inspection.recording import Batch

__all__ = ["as_array", "batches_of", "part", "read_data", "read_labels"]

Array = npt.NDArray[Any]

_LABEL_NAMES = ("labels", "label", "y", "targets", "target")


def read_data(path: Path) -> dict[str, Array]:
    """Read arrays by name from an .npy, .npz or .csv file; the only array of a file is called "data".

    Raises:
        MissingInputError: if there is no such file.
        UnsafeModelError: if the file holds pickled objects.
        InvalidInputError: if it is not such a file, or damaged.
    """
    if path.is_dir():
        raise InvalidInputError(
            f"expected a data file (.npy, .npz or .csv), got the folder {path}; name the file in it"
        )
    if not path.is_file():
        raise MissingInputError(
            f"expected a data file (.npy, .npz or .csv), but there is no {path}; check the path"
        )
    kind = path.suffix.lower()
    if kind not in (".npy", ".npz", ".csv"):
        raise InvalidInputError(
            f"expected data as .npy, .npz or .csv, got {path.name}; save it with numpy.save, or name a function "
            "that returns it: package.module:function"
        )
    arrays = {"data": _read_csv(path)} if kind == ".csv" else _read_numpy(path)
    if not arrays:
        raise InvalidInputError(f"expected at least one array in {path}, got none; save it again")
    return arrays


def _read_numpy(path: Path) -> dict[str, Array]:
    try:
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            return (
                {"data": loaded}
                if isinstance(loaded, np.ndarray)
                else {name: loaded[name] for name in loaded.files}
            )
    except ValueError as error:
        if "allow_pickle" in str(error) or "Object arrays" in str(error):
            raise UnsafeModelError(
                f"expected plain numbers in {path}, got pickled Python objects, which could run code when opened; "
                "save a numeric array with numpy.save(..., allow_pickle=False)"
            ) from error
        raise InvalidInputError(
            f"expected an array in {path}, but it cannot be read: {error}; save it again"
        ) from error
    except (OSError, EOFError, KeyError) as error:
        raise InvalidInputError(
            f"expected an array in {path}, but it cannot be read: {error}; save it again"
        ) from error
    except Exception as error:  # zipfile's and zlib's errors have no common base
        raise InvalidInputError(
            f"expected an array in {path}, but it is damaged: {error}; save it again"
        ) from error


def _read_csv(path: Path) -> Array:
    """Read numbers separated by commas; a first line without any number is a header."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            rows = [(reader.line_num, row) for row in reader if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidInputError(
            f"expected rows of numbers in {path}, but it cannot be read: {error}; save it again as UTF-8 text"
        ) from error
    if rows and not any(_is_number(cell) for cell in rows[0][1]):
        rows = rows[1:]
    width = len(rows[0][1]) if rows else 0
    for line, row in rows:
        if len(row) != width or not all(_is_number(cell) for cell in row):
            raise InvalidInputError(
                f"expected numbers, separated by commas and {width} in every row of {path}, got "
                f"{','.join(row)[:60]!r} in line {line}; mend or drop it"
            )
    return np.array([row for _, row in rows], dtype=np.float64).reshape(len(rows), width)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def read_labels(path: Path, *, classes: bool = True) -> Array:
    """Read labels from a file: its only array, or the one that is called labels, y or targets."""
    arrays = read_data(path)
    name = next((n for n in _LABEL_NAMES if n in arrays), next(iter(arrays), ""))
    if not name or (len(arrays) > 1 and name not in _LABEL_NAMES):
        raise InvalidInputError(
            f"expected one array of labels in {path}, got {', '.join(arrays) or 'none'}; name one 'labels'"
        )
    return np.ravel(arrays[name]) if classes else arrays[name]


def batches_of(data: Any, labels: Any = None, *, size: int = 64, classes: bool = True) -> Iterator[Batch]:
    """Turn what a user hands in into batches, each checked.

    Args:
        data: an array or tensor, shape (samples, …); a mapping of arrays by input name; or an iterable of batches,
            each an array or tensor, an (inputs, labels) pair as a DataLoader gives, or a mapping. In a mapping of
            several arrays one that is called labels, y or targets holds the labels; the first array says how many
            samples there are, and one of another length, such as a state, goes whole with every batch.
        labels: shape (samples,), integers from 0, or where they are no classes shape (samples, …); None for none.
        size: how many samples to run at once, where `data` is not already in batches.
        classes: whether labels are the numbers of classes.

    Raises:
        InvalidInputError: if the data is empty, is not numeric, or holds NaN or infinite values.
    """
    if isinstance(data, Mapping) or hasattr(data, "shape"):
        whole = _batch(data, labels, classes=classes)
        for start in range(0, whole.size, size):
            yield part(whole, start, start + size)
        return
    if labels is not None:
        raise InvalidInputError(
            "expected the labels inside each batch, as (inputs, labels), where the data comes in batches, got both "
            "apart; put them together"
        )
    if not isinstance(data, Iterable):
        raise InvalidInputError(
            "expected data as an array, a tensor, a mapping of them or an iterable of batches, got "
            f"{type(data).__name__}; convert it"
        )
    labelled: set[bool] = set()
    for item in data:
        batch = _batch(*_inputs_and_labels(item), classes=classes)
        labelled.add(batch.labels is not None)
        if len(labelled) > 1:
            raise InvalidInputError(
                "expected labels in every batch or in none, got some batches with and some without; give them all"
            )
        yield batch
    if not labelled:
        raise InvalidInputError("expected at least one batch of data, got none; give more data")


def _inputs_and_labels(item: Any) -> tuple[Any, Any]:
    if not isinstance(item, tuple | list) or not item:
        return item, None
    if len(item) > 2 and hasattr(item[0], "shape"):
        raise InvalidInputError(
            f"expected each batch as inputs or (inputs, labels), got {len(item)} in one; where the network has several "
            "inputs, give them as a mapping by their names: ({name: array, …}, labels)"
        )
    return (item[0], item[1] if len(item) == 2 else None) if len(item) < 3 else (item, None)


def _batch(inputs: Any, labels: Any, *, classes: bool) -> Batch:
    named = dict(inputs) if isinstance(inputs, Mapping) else {"data": inputs}
    if len(named) > 1:
        held = next((named.pop(name) for name in _LABEL_NAMES if name in named), None)
        labels = held if labels is None else labels
    for name, array in named.items():
        _check(name, array)
    sizes = [np.shape(array)[0] for array in named.values() if np.ndim(array) > 0]
    if not sizes or not all(sizes):
        raise InvalidInputError("expected at least one sample of data, got none; give more data")
    count = sizes[0]
    read = _labels if classes else _targets
    return Batch(inputs=named, labels=None if labels is None else read(labels, count), size=count)


def as_array(values: Any) -> Array:
    """Return an array or a tensor of any framework as a NumPy array; a tensor narrower than float32 becomes that."""
    if not hasattr(values, "detach"):
        return np.asarray(values)
    tensor = values.detach().cpu()
    narrow = tensor.is_floating_point() and tensor.element_size() < 4  # NumPy has no bfloat16
    return np.asarray(tensor.float() if narrow else tensor)


def _check(name: str, array: Any) -> None:
    if not hasattr(array, "shape"):
        raise InvalidInputError(
            f"expected an array or tensor for '{name}', got {type(array).__name__}; convert it"
            + (
                ""
                if not isinstance(array, Mapping)
                else ", or wrap the model in one whose inputs are its entries"
            )
        )
    values = as_array(array)
    if values.dtype.kind not in "fiub":
        raise InvalidInputError(f"expected numbers in '{name}', got the type {values.dtype}; convert it")
    if values.dtype.kind != "f":
        return
    nans, infinite = int(np.count_nonzero(np.isnan(values))), int(np.count_nonzero(np.isinf(values)))
    if nans or infinite:
        first = np.argwhere(~np.isfinite(values))[0].tolist()
        raise InvalidInputError(
            f"expected finite numbers in '{name}', got {nans} NaN and {infinite} infinite of {values.size}, the first "
            f"at index {first}; clean the data first"
        )


def _targets(labels: Any, count: int) -> Array:
    array = as_array(labels)
    finite = array.dtype.kind in "iub" or (array.dtype.kind == "f" and bool(np.all(np.isfinite(array))))
    if not array.ndim or len(array) != count or not finite:
        raise InvalidInputError(
            f"expected targets as finite numbers for {count} samples, got an array of shape {array.shape} and type "
            f"{array.dtype}; give one row a sample"
        )
    return array


def _labels(labels: Any, count: int) -> Array:
    array = as_array(labels)
    whole = array.dtype.kind in "iub" or (array.dtype.kind == "f" and bool(np.all(array == np.floor(array))))
    if array.ndim != 1 or len(array) != count or not whole or (array.size and array.min() < 0):
        raise InvalidInputError(
            f"expected labels as {count} whole numbers from 0, one a sample, got an array of shape {array.shape} and "
            f"type {array.dtype}{_least(array)}; give "
            'the class numbers, or loss="mse" for targets of a regression or a function for others, or no labels'
        )
    return array.astype(np.int64)


def _least(array: Array) -> str:
    return (
        f" with a number {array.min()}" if array.size and array.dtype.kind in "if" and array.min() < 0 else ""
    )


def part(batch: Batch, start: int, stop: int) -> Batch:
    """Return some samples of a batch; an input of another length goes whole."""
    inputs = {
        name: array[start:stop] if np.ndim(array) > 0 and np.shape(array)[0] == batch.size else array
        for name, array in batch.inputs.items()
    }
    labels = None if batch.labels is None else batch.labels[start:stop]
    return Batch(inputs=inputs, labels=labels, size=min(stop, batch.size) - start)
