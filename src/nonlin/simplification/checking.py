"""Compares two networks by running them."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx

from nonlin.errors import InvalidInputError, NonlinError, UnsupportedModelError
from nonlin.networks.array import Array
from nonlin.simplification.result import Agreement
from nonlin.simplification.running import Runner, doubled, runner_of

__all__ = ["compare"]

LIMIT = {"float32": 1e-5, "float64": 1e-12}
"""Relative to the largest output. Merging changes the order of sums, and a weight is rounded once more."""

_OWN_ROUNDING = 4.0
"""A deep network's own float32 rounding can be larger than the limit; what is this many times of it is no change."""

_FAR = 0.25
"""A network that is farther from itself in float64 than this is not the same network there."""

Feeds = Mapping[str, Sequence[Mapping[str, Array]]]


def compare(
    original: onnx.ModelProto, other: onnx.ModelProto, wide: onnx.ModelProto | None, feeds: Feeds
) -> Agreement:
    """Run two models on the same inputs.

    Args:
        original: the one.
        other: the other, in its file's arithmetic.
        wide: the other with its weights not yet rounded; None where it is only known as a file, so that in float64 the
            rounding of its weights is still there.
        feeds: inputs by where they come from, none empty.

    Raises:
        UnsupportedModelError: if they cannot be run.
        InvalidInputError: if they do not have the same outputs.
    """
    runs = runner_of(original), runner_of(other)
    whole = [feed for part in feeds.values() for feed in part]
    reference = [_run(runs[0], feed) for feed in whole]
    difference = _largest(reference, [_run(runs[1], feed) for feed in whole])
    differs, rounding, reason = _in_float64(original, other if wide is None else wide, whole, reference)
    limit = LIMIT["float32"]
    return Agreement(
        difference=difference,
        difference_float64=differs,
        limit=max(limit, _OWN_ROUNDING * (rounding or 0.0)),
        limit_float64=LIMIT["float32"] if wide is None else LIMIT["float64"],
        rounding=rounding,
        samples={name: sum(_samples(feed) for feed in part) for name, part in feeds.items()},
        reason=reason,
    )


def _in_float64(
    original: onnx.ModelProto,
    wide: onnx.ModelProto,
    feeds: list[Mapping[str, Array]],
    reference: list[list[Array]],
) -> tuple[float | None, float | None, str]:
    try:
        runs = runner_of(doubled(original)), runner_of(doubled(wide))
        feeds = [_wide(feed) for feed in feeds]
        exact = [_run(runs[0], feed) for feed in feeds]
        rounding = _largest(exact, reference)
        if rounding > _FAR:
            return None, None, f"in float64 the original itself gives something else, by {rounding:.1e}"
        return _largest(exact, [_run(runs[1], feed) for feed in feeds]), rounding, ""
    except NonlinError as error:
        return None, None, str(error)


def _run(run: Runner, feed: Mapping[str, Array]) -> list[Array]:
    try:
        return run(feed)
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UnsupportedModelError(f"expected a model that runs, but it fails: {reason[:200]}") from error


def _wide(feed: Mapping[str, Array]) -> dict[str, Array]:
    return {name: x.astype(np.float64) if x.dtype.kind == "f" else x for name, x in feed.items()}


def _largest(reference: list[list[Array]], others: list[list[Array]]) -> float:
    """Return the largest difference, relative to the size of each output; infinite where only one is finite."""
    worst = 0.0
    for some, more in zip(reference, others, strict=True):
        if len(some) != len(more) or any(a.shape != b.shape for a, b in zip(some, more, strict=True)):
            raise InvalidInputError(
                "expected two networks with outputs of the same shapes, got others; give two that fit"
            )
        for a, b in zip(some, more, strict=True):
            if a.size == 0 or (a.dtype.kind != "f" and np.array_equal(a, b)):
                continue
            if not np.array_equal(np.isfinite(a), np.isfinite(b)):
                return float("inf")
            kept = np.isfinite(a)
            wide = np.asarray(a, np.float64)[kept], np.asarray(b, np.float64)[kept]
            size = float(np.max(np.abs(wide[0]), initial=0.0))
            apart = float(np.max(np.abs(wide[0] - wide[1]), initial=0.0))
            worst = max(worst, apart / size if size else (0.0 if apart == 0 else float("inf")))
    return worst


def _samples(feed: Mapping[str, Array]) -> int:
    first = next(iter(feed.values()))
    return len(first) if first.ndim else 1
