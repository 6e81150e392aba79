"""Verdicts on values and weights that are NaN or infinite: which hold them, and where they first show."""

from collections.abc import Iterator, Sequence

from nonlin.inspection.advice import DIVERGED, advice
from nonlin.inspection.result import Call, Finding
from nonlin.networks.finite import NonfiniteTensor

__all__ = ["nonfinite_findings"]


def nonfinite_findings(
    weights: Sequence[NonfiniteTensor], calls: Sequence[Call], outputs: int, samples: int
) -> Iterator[Finding]:
    """Yield what is not finite: first the weights, then the calls in forward order, then the network's output.

    Args:
        weights: those that are not finite.
        calls: every call.
        outputs: how many of the network's outputs are not finite.
        samples: on how many samples.
    """
    for tensor in weights:
        count = tensor.nans + tensor.infinite
        message = f"{tensor.name}: {_counted(tensor)} of {tensor.size:,} weights"
        message += f", read by {tensor.node}" if tensor.node else ""
        yield _make(tensor.name, count, samples, message, broken=True)
    met = [call for call in calls if call.nonfinite]
    for call in met:
        units = f"{len(call.nonfinite_units):,} of {call.units:,} units"
        message = f"{call.name}: {call.nonfinite:,} values of {units} are NaN or infinite"
        if call is met[0]:
            message += "; it is the first call that has any"
        yield _make(call.name, call.nonfinite, samples, message, broken=bool(weights))
    if outputs:
        message = f"the output: {outputs:,} values are NaN or infinite"
        yield _make("the output", outputs, samples, message, broken=bool(weights))


def _counted(tensor: NonfiniteTensor) -> str:
    parts = [f"{tensor.nans:,} NaN"] if tensor.nans else []
    parts += [f"{tensor.infinite:,} infinite"] if tensor.infinite else []
    return " and ".join(parts)


def _make(where: str, count: int, samples: int, message: str, *, broken: bool) -> Finding:
    return Finding(
        kind="nonfinite",
        severity="error",
        call=where,
        units=(),
        figure=count,
        threshold=1,
        samples=samples,
        message=message,
        advice=DIVERGED if broken else advice("nonfinite", ""),
    )
