import io
from dataclasses import replace
from math import inf, isnan, nan

import numpy as np
import pytest
from rich.console import Console

from nonlin.errors import InvalidInputError
from nonlin.inspection.watching import History, Record
from nonlin.inspection.watching.grid import grid
from nonlin.report.history import print_history

RECORD = Record(
    step=0, call="first", function="relu", units=8, samples=32, dead=0.0, dead_lasting=0.0, lasting_steps=1,
    saturated=0.0, linear=0.0, slope_mean=0.5, mean=0.5, rms=1.0, gradient_rms=0.25, values=256,
)  # fmt: skip


@pytest.fixture
def records():
    second, softmax = (
        replace(RECORD, call="second"),
        replace(RECORD, call="softmax", dead=None, slope_mean=None),
    )
    return History(
        [
            RECORD,
            second,
            softmax,
            replace(RECORD, step=25, dead=0.5, gradient_rms=inf),
            replace(second, step=25, dead=0.25),
            replace(softmax, step=25, gradient_rms=None),
            replace(RECORD, step=50, dead=1.0, gradient_rms=0.0),
        ]
    )


def test_rows_are_calls_and_columns_steps(records):
    shown = grid(records, "dead")
    assert (shown.calls, shown.steps) == (("first", "second"), (0, 25, 50))
    np.testing.assert_array_equal(shown.values, [[0, 0.5, 1], [0, 0.25, np.nan]])
    gradient = grid(records, "gradient")
    assert gradient.calls == ("first", "second", "softmax")
    assert gradient.values[0].tolist() == [0.25 * 16, inf, 0.0]
    assert gradient.logarithmic
    assert isnan(gradient.values[2, 1])


def test_few_columns_keep_the_last(records):
    assert grid(records).columns(2).steps == (0, 50)
    assert grid(records).columns(2).values[0].tolist() == [0, 1]
    assert grid(records).columns(1).steps == (50,)
    assert grid(records).columns(9).steps == (0, 25, 50)


def test_no_share_is_known_of_outputs_that_are_not_finite():
    broken = [replace(RECORD, step=1, rms=nan, mean=nan), replace(RECORD, step=2, rms=inf)]
    shown = grid(History([RECORD, *broken]), "dead")
    np.testing.assert_array_equal(shown.values, [[0, nan, nan]])
    np.testing.assert_array_equal(shown.nonfinite, [[False, True, True]])
    np.testing.assert_array_equal(shown.columns(2).nonfinite, [[False, True]])
    console = Console(file=io.StringIO(), width=80)
    print_history(History([RECORD, *broken]), (), console, figure="dead")
    assert "!: outputs that are NaN or infinite\nfirst ·!! NaN\n" in console.file.getvalue()


def test_what_is_not_there_is_refused(records):
    with pytest.raises(InvalidInputError, match="got 'size'"):
        grid(records, "size")
    with pytest.raises(InvalidInputError, match="another figure"):
        grid(records.of("softmax"), "dead")
    with pytest.raises(InvalidInputError, match="got 0 records"):
        grid(History())
