"""Data gets the network's own type, unless that would change what it says."""

import numpy as np
import pytest

from nonlin.errors import InvalidInputError
from nonlin.inspection.data import batches_of
from nonlin.inspection.feeding import feeds
from nonlin.networks import Tensor


def fed(array, dtype):
    (batch,) = batches_of(np.array(array))
    return feeds((Tensor(name="x", shape=(None,), dtype=dtype),), batch)["x"]


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        ([1.5, 2.0], "float32"),
        ([1, 2], "float16"),
        ([True, False], "float32"),
        ([3.0, 2.0**40], "int64"),
        ([0, 1], "bool"),
    ],
)
def test_what_fits_is_converted(array, dtype):
    made = fed(array, dtype)
    assert made.dtype == dtype
    assert made.tolist() == array


@pytest.mark.parametrize(
    ("array", "dtype", "message"),
    [
        ([1.0, 1e300], "float32", r"1 of 2 too large, the largest 1 × 10³⁰⁰"),
        ([70000, -70000], "float16", "2 of 2 too large, the largest 70,000;"),
        ([1.5, 2.0], "int64", "got float64 with values that it cannot hold"),
        ([1, 300], "uint8", "got int64 with values that it cannot hold"),
        ([1e300], "int64", "cannot hold"),
        ([0, 2], "bool", "cannot hold"),
    ],
)
def test_what_does_not_fit_is_refused(array, dtype, message):
    with pytest.raises(InvalidInputError, match=message):
        fed(array, dtype)
