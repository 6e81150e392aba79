"""The box of inputs over which a simplification shall hold."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nonlin.errors import InvalidInputError, MissingInputError
from nonlin.networks import Network
from nonlin.networks.array import Array
from nonlin.simplification.inputs import Box

__all__ = ["box_of", "read_box", "words_of"]


def box_of(network: Network, over: Any) -> Box:
    """Return a box as low and high ends by the name of the input.

    Args:
        network: whose inputs are meant.
        over: a pair for the only input, or a mapping of pairs by name; every floating input needs one.

    Raises:
        InvalidInputError: if it is none.
    """
    floating = [t for t in network.inputs if t.dtype.startswith("float")]
    given = over if isinstance(over, Mapping) else {t.name: over for t in floating}
    box: dict[str, tuple[Array, Array]] = {}
    for tensor in floating:
        if tensor.name not in given:
            raise InvalidInputError(f"expected a box for the input '{tensor.name}', got none; add it")
        box[tensor.name] = _pair(given[tensor.name], tensor.name, tensor.shape[1:])
    strange = sorted(set(given) - set(box))
    if strange:
        raise InvalidInputError(
            f"expected boxes for {', '.join(box)}, got one for '{strange[0]}'; take it out or rename it"
        )
    return box


def _pair(pair: Any, name: str, shape: tuple[int | None, ...]) -> tuple[Array, Array]:
    try:
        low, high = (np.asarray(end, np.float64) for end in pair)
        wanted = tuple(1 if n is None else n for n in shape)
        np.broadcast_to(np.broadcast_arrays(low, high)[0], np.broadcast_shapes(low.shape, high.shape, wanted))
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            f"expected (low, high) of '{name}', numbers or arrays of the shape {shape} of a sample, got {pair!r:.80}; "
            "change it"
        ) from error
    if not (np.all(np.isfinite(low)) and np.all(np.isfinite(high)) and np.all(low <= high)):
        raise InvalidInputError(f"expected a finite box with low ≤ high for '{name}', got another; change it")
    return low, high


def read_box(path: Path) -> dict[str, tuple[Any, Any]]:
    """Read a box from a file: JSON with a pair for each input, or .npz with NAME.low and NAME.high.

    Raises:
        MissingInputError: if there is no such file.
        InvalidInputError: if it is neither.
    """
    if not path.is_file():
        raise MissingInputError(f"expected a box, but there is no {path}; check the path")
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                names = {key.rpartition(".")[0] for key in arrays.files}
                return {name: (arrays[f"{name}.low"], arrays[f"{name}.high"]) for name in sorted(names)}
        return {str(name): tuple(pair) for name, pair in json.loads(path.read_text(encoding="utf-8")).items()}
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise InvalidInputError(
            f'expected a box in {path} as JSON, {{"input": [low, high]}}, or as .npz with input.low and input.high, '
            f"got something else ({error}); write it so"
        ) from error


def words_of(box: Box) -> str:
    """Return a box in words."""
    return ", ".join(f"{name} in [{np.min(low):g}, {np.max(high):g}]" for name, (low, high) in box.items())
