"""The time limit, as long computations ask for it in between."""

from time import monotonic

__all__ = ["OutOfTime", "check_time"]


class OutOfTime(Exception):  # noqa: N818 - no error: the search ends with what it has
    """The time is over; what was begun is dropped."""


def check_time(until: float) -> None:
    """Raise `OutOfTime` after a moment of the monotonic clock."""
    if monotonic() > until:
        raise OutOfTime
