"""Reads a .pt2 archive without running anything in it: no pickle, no expression, no name is ever evaluated.

`torch.export.load` unpickles the sample inputs, tensor subclasses and custom objects, evaluates the expressions of
symbolic shapes by SymPy, and builds Python source from the names in the graph; any of these can run code. Here the
graph is plain data and the weights are plain bytes.
"""

from __future__ import annotations

import io
import json
import pickle
import warnings
import zipfile
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import torch

from nonlin.errors import (
    InvalidInputError,
    MissingInputError,
    NonlinError,
    UnsafeModelError,
    UnsupportedModelError,
)

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SCALAR_TYPES", "Archive", "read_archive"]

SCALAR_TYPES = {
    1: torch.uint8,
    2: torch.int8,
    3: torch.int16,
    4: torch.int32,
    5: torch.int64,
    6: torch.float16,
    7: torch.float32,
    8: torch.float64,
    9: torch.complex32,
    10: torch.complex64,
    11: torch.complex128,
    12: torch.bool,
    13: torch.bfloat16,
}
"""The numbers of the element types in the archive's schema."""

_SAVE_AGAIN = "save the program again with torch.export.save of PyTorch 2.9 or newer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """A program as data.

    Args:
        program: the parsed JSON of the exported program.
        tensors: the parameters, buffers and constants by name.
    """

    program: dict[str, Any]
    tensors: dict[str, torch.Tensor]


def read_archive(path: Path) -> Archive:
    """Read a file of `torch.export.save`.

    Raises:
        MissingInputError: no such file.
        UnsafeModelError: a pickle instead of a program, or a program with pickled weights or objects.
        UnsupportedModelError: an archive of an older PyTorch, or with no or several programs.
        InvalidInputError: truncated, or not an archive.
    """
    if not path.is_file():
        raise MissingInputError(f"expected a .pt2 program, got {path}, which does not exist; check the path")
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(_Records(archive, path))
    except zipfile.BadZipFile as error:
        if path.read_bytes()[:1] == pickle.PROTO:
            raise _pickle(path, "the file is a pickle") from error
        raise InvalidInputError(
            f"expected a .pt2 program, got {path}, which is damaged or no archive; {_SAVE_AGAIN}",
        ) from error
    except (KeyError, TypeError, AttributeError, ValueError, RuntimeError, UnicodeDecodeError) as error:
        if isinstance(error, NonlinError):
            raise
        raise InvalidInputError(
            f"expected a .pt2 program, got {path}, whose content is damaged ({error!r}); {_SAVE_AGAIN}",
        ) from error


class _Records:
    """The entries of an archive, without the folder that they all lie in."""

    def __init__(self, archive: zipfile.ZipFile, path: Path) -> None:
        self.path = path
        self._archive = archive
        self._entries = {entry.filename.partition("/")[2]: entry for entry in archive.infolist()}
        plain = {entry.filename for entry in archive.infolist()}
        if "serialized_exported_program.json" in plain:
            raise UnsupportedModelError(
                f"expected a .pt2 archive of PyTorch 2.9 or newer, got {path} of an older one; {_SAVE_AGAIN}",
            )
        if "data.pkl" in self._entries:
            raise _pickle(path, "the file is one of torch.save or TorchScript")

    def names(self, prefix: str) -> list[str]:
        return [name for name in self._entries if name.startswith(prefix)]

    def read(self, name: str) -> bytes:
        entry = self._entries.get(name)
        if entry is None:
            raise InvalidInputError(
                f"expected {name} in {self.path}, got an archive without it; {_SAVE_AGAIN}"
            )
        if entry.compress_type != zipfile.ZIP_STORED:
            raise InvalidInputError(
                f"expected {name} in {self.path} as PyTorch stores it, got it compressed; {_SAVE_AGAIN}"
            )
        return self._archive.read(entry)

    def json(self, name: str) -> dict[str, Any]:
        parsed = json.loads(self.read(name))
        if not isinstance(parsed, dict):
            raise InvalidInputError(
                f"expected an object in {name} of {self.path}, got {type(parsed).__name__}; {_SAVE_AGAIN}"
            )
        return parsed


def _read(records: _Records) -> Archive:
    if records.read("archive_format") != b"pt2":
        raise InvalidInputError(
            f"expected a .pt2 program, got {records.path} of another format; {_SAVE_AGAIN}"
        )
    models = [name for name in records.names("models/") if name.endswith(".json")]
    if len(models) != 1:
        raise UnsupportedModelError(
            f"expected one program in {records.path}, got {len(models)}; save them one by one"
        )
    name = models[0].removeprefix("models/").removesuffix(".json")
    tensors = {**_tensors(records, "weights", name), **_tensors(records, "constants", name)}
    return Archive(program=records.json(models[0]), tensors=tensors)


def _tensors(records: _Records, kind: str, model: str) -> dict[str, torch.Tensor]:
    folder = f"data/{kind}/"
    legacy = f"{folder}{model}.pt"
    if legacy in records.names(folder):
        return _unpickled(records, legacy)
    config = records.json(f"{folder}{model}_{kind}_config.json")["config"]
    result = {}
    for name, payload in config.items():
        where = str(payload["path_name"])
        if payload["use_pickle"] or not where.startswith(("weight_", "tensor_")):
            raise _pickle(records.path, f"{name!r} is a pickled object")
        tensor = _tensor(records.read(folder + where), payload["tensor_meta"], name)
        takes_gradient = payload["is_param"] and tensor.dtype.is_floating_point
        result[name] = (
            torch.nn.Parameter(tensor, requires_grad=bool(takes_gradient)) if payload["is_param"] else tensor
        )
    return result


def _tensor(data: bytes, meta: dict[str, Any], name: str) -> torch.Tensor:
    dtype = SCALAR_TYPES.get(meta["dtype"])
    if dtype is None:
        raise UnsupportedModelError(
            f"expected numbers of up to 64 bits in {name!r}, got type {meta['dtype']}; convert it"
        )
    sizes = [int(size["as_int"]) for size in meta["sizes"]]
    strides = [int(stride["as_int"]) for stride in meta["strides"]]
    if not data:
        if prod(sizes):
            raise InvalidInputError(f"expected the numbers of {name!r}, got an empty record; {_SAVE_AGAIN}")
        return torch.zeros(sizes, dtype=dtype)
    flat = torch.frombuffer(bytearray(data), dtype=dtype)
    return torch.as_strided(flat, sizes, strides, int(meta["storage_offset"]["as_int"]))


def _unpickled(records: _Records, name: str) -> dict[str, torch.Tensor]:
    # archives of PyTorch 2.7 and 2.8; the restricted unpickler makes tensors and containers, and nothing else
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the pickle's protocol, which decides nothing here
            state = torch.load(io.BytesIO(records.read(name)), weights_only=True)
    except pickle.UnpicklingError as error:
        raise _pickle(records.path, f"{name} holds more than tensors") from error
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise _pickle(records.path, f"{name} holds more than tensors")
    return state


def _pickle(path: Path, what: str) -> UnsafeModelError:
    return UnsafeModelError(
        f"expected a .pt2 program of plain data, got {path}: {what}, which could run code when opened; save the model "
        "with torch.export.save, or hand over a function that builds it",
    )
