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
"""A deep network's own float32 rounding can be larger than the limit; where asked, this many times of it is allowed."""

_FAR = 0.25
"""Where a network is farther from itself in float64 than this, its float32 says nothing (ONNX Runtime's sigmoid of −25
is 0): where its own rounding is allowed, such an input is compared in float64 only. If that is so on every input, it is
not the same network there."""

Feeds = Mapping[str, Sequence[Mapping[str, Array]]]


def compare(
    original: onnx.ModelProto,
    other: onnx.ModelProto,
    wide: onnx.ModelProto | None,
    feeds: Feeds,
    *,
    own_rounding: bool = False,
) -> Agreement:
    """Run two models on the same inputs.

    Args:
        original: the one.
        other: the other, in its file's arithmetic.
        wide: the other with its weights not yet rounded; None where it is only known as a file, so that in float64 the
            rounding of its weights is still there.
        feeds: inputs by where they come from, none empty.
        own_rounding: whether the original's own float32 rounding is allowed where it is larger than the limit.

    Raises:
        UnsupportedModelError: if they cannot be run.
        InvalidInputError: if they do not have the same outputs.
    """
    runs = runner_of(original), runner_of(other)
    whole = [feed for part in feeds.values() for feed in part]
    reference = [_run(runs[0], feed) for feed in whole]
    apart = [_distance(ours, _run(runs[1], feed)) for ours, feed in zip(reference, whole, strict=True)]
    differs, rounding, reason = _in_float64(original, other if wide is None else wide, whole, reference)
    known = rounding or [0.0] * len(whole)
    told = [pair for pair in zip(apart, known, strict=True) if pair[1] <= _FAR or not own_rounding]
    own = max(pair[1] for pair in told)
    return Agreement(
        difference=max(pair[0] for pair in told),
        difference_float64=differs,
        limit=max(LIMIT["float32"], _OWN_ROUNDING * own if own_rounding else 0.0),
        limit_float64=LIMIT["float32"] if wide is None else LIMIT["float64"],
        rounding=own if rounding else None,
        samples={name: sum(_samples(feed) for feed in part) for name, part in feeds.items()},
        float64_only=sum(
            _samples(feed) for feed, r in zip(whole, known, strict=True) if r > _FAR and own_rounding
        ),
        reason=reason,
    )


def _in_float64(
    original: onnx.ModelProto,
    wide: onnx.ModelProto,
    feeds: list[Mapping[str, Array]],
    reference: list[list[Array]],
) -> tuple[float | None, list[float], str]:
    """Return the largest difference, and how far the original is from itself on each input; or why there is neither."""
    try:
        runs = runner_of(doubled(original)), runner_of(doubled(wide))
        feeds = [_wide(feed) for feed in feeds]
        exact = [_run(runs[0], feed) for feed in feeds]
        rounding = [_distance(*pair) for pair in zip(exact, reference, strict=True)]
        if min(rounding) > _FAR:
            return None, [], f"in float64 the original itself gives something else, by {min(rounding):.1e}"
        apart = [_distance(ours, _run(runs[1], feed)) for ours, feed in zip(exact, feeds, strict=True)]
    except NonlinError as error:
        return None, [], str(error)
    return max(apart), rounding, ""


def _run(run: Runner, feed: Mapping[str, Array]) -> list[Array]:
    try:
        return run(feed)
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UnsupportedModelError(f"expected a model that runs, but it fails: {reason[:200]}") from error


def _wide(feed: Mapping[str, Array]) -> dict[str, Array]:
    return {name: x.astype(np.float64) if x.dtype.kind == "f" else x for name, x in feed.items()}


def _distance(reference: list[Array], others: list[Array]) -> float:
    """Return the largest difference, relative to the size of each output; infinite where not the same are finite."""
    if [x.shape for x in reference] != [x.shape for x in others]:
        raise InvalidInputError(
            "expected two networks with outputs of the same shapes, got others; give two that fit"
        )
    return max((_apart(a, b) for a, b in zip(reference, others, strict=True)), default=0.0)


def _apart(a: Array, b: Array) -> float:
    if a.dtype.kind != "f" or b.dtype.kind != "f":
        return 0.0 if np.array_equal(a, b) else float("inf")
    one, other = np.asarray(a, np.float64), np.asarray(b, np.float64)
    kept = np.isfinite(one)
    if not np.array_equal(one[~kept], other[~kept], equal_nan=True) or not np.all(np.isfinite(other[kept])):
        return float("inf")
    size = float(np.max(np.abs(one[kept]), initial=0.0))
    apart = float(np.max(np.abs(one[kept] - other[kept]), initial=0.0))
    return apart / size if size else (0.0 if apart == 0 else float("inf"))


def _samples(feed: Mapping[str, Array]) -> int:
    first = next(iter(feed.values()))
    return len(first) if first.ndim else 1
