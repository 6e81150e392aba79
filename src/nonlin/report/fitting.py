"""Tables no wider than the terminal."""

from collections.abc import Callable, Collection, Sequence

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

__all__ = ["fitted"]


def fitted(
    make: Callable[[Collection[str]], Table], dispensable: Sequence[str], console: Console
) -> tuple[Table, Sequence[str]]:
    """Return a table no wider than the console, as far as can be, and the columns that it does without.

    Args:
        make: makes the table without some columns.
        dispensable: the columns that it may do without, the first of them first.
        console: where it is to fit.
    """
    options = console.options.update(width=10_000)
    for count in range(len(dispensable) + 1):
        left_out = dispensable[:count]
        table = make(left_out)
        if Measurement.get(console, options, table).minimum <= console.width:
            break
    return table, left_out
