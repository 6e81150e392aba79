"""Whether inputs exist for which the conditions of a property hold."""

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from time import monotonic
from typing import Any, Literal

import numpy as np

from nonlin.errors import InvalidInputError
from nonlin.geometry.bounds import bounds
from nonlin.geometry.cells.lowering import lower
from nonlin.geometry.checks import check_piecewise_linear
from nonlin.geometry.verification.linear import LeastOf, forward
from nonlin.geometry.verification.propagation import prepare
from nonlin.geometry.verification.runtime import met_in_runtime
from nonlin.geometry.verification.search import Limits, Maximum, Progress, maximize, threads_of
from nonlin.geometry.verification.vnnlib import Case, Condition, read_property
from nonlin.networks import Network
from nonlin.networks.array import Array

__all__ = ["Verdict", "sample_shape", "verify"]

Status = Literal["sat", "unsat", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Verdict:
    """What is known of a property.

    Args:
        status: "sat" with a counterexample, "unsat" proven, or "unknown".
        counterexample: an input that meets every condition, proven in float64 with its rounding; None without.
        outputs: what the network makes of it, flattened, as float64 has it; None without.
        margin: (lower, upper): between these is the largest amount by which any input of the undecided alternatives
            meets its tightest condition; below 0 none does.
        share: of the inputs, what is not decided.
        nodes: how many parts were looked at.
        seconds: how long it took.
        reason: of an "unknown".
        runtime: whether ONNX Runtime, in the model's own precision, finds the conditions met too; None where it was not
            asked, or is not installed.
    """

    status: Status
    counterexample: Array | None
    outputs: Array | None
    margin: tuple[float, float]
    share: float
    nodes: int
    seconds: float
    reason: str
    runtime: bool | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as values that JSON has; an end that is infinite is None."""
        ends = [float(x) if np.isfinite(x) else None for x in self.margin]
        return {
            "status": self.status,
            "counterexample": None if self.counterexample is None else self.counterexample.tolist(),
            "outputs": None if self.outputs is None else self.outputs.tolist(),
            "margin": ends,
            "share": self.share,
            "nodes": self.nodes,
            "seconds": self.seconds,
            "reason": self.reason,
            "runtime": self.runtime,
        }

    def __str__(self) -> str:
        said = {"sat": "sat: the counterexample meets every condition", "unsat": "unsat: no input meets them"}
        if self.status in said:
            return said[self.status]
        return f"unknown: {self.reason}, {100 * self.share:.3g} % of the inputs left"


def verify(
    network: Network,
    prop: str | Path,
    *,
    timeout: float = 60.0,
    threads: int | None = None,
    model: str | Path | None = None,
    progress: Progress | None = None,
) -> Verdict:
    """Prove that no input meets the conditions of a property, or find one.

    Args:
        network: piecewise linear, with one input; its weights in real arithmetic.
        prop: the path of a VNN-LIB file; it describes what must not happen.
        timeout: seconds.
        threads: how many work at once; None: one for each core that this process may use.
        model: the ONNX file of the network; a counterexample is tried in ONNX Runtime too, where that is installed.
        progress: called with the decided share of the case at hand and the seconds in it.

    Returns:
        "sat" with a counterexample, "unsat" or "unknown"; also after an interrupt (Ctrl-C), as far as it had come.

    Raises:
        MissingInputError, InvalidInputError: about the file.
        UnsupportedModelError: if the network is not piecewise linear; the node is named.
    """
    if not timeout > 0:
        raise InvalidInputError(f"expected a timeout above 0 seconds, got {timeout:g}; change it")
    working = threads_of(threads)
    check_piecewise_linear(network)
    shape = sample_shape(network)
    chain = lower(network, shape)
    started = monotonic()
    cases = read_property(Path(prop), int(np.prod(shape)), chain.outputs.size)
    found: list[Maximum] = []
    begun = 0
    for case in cases:
        begun += 1
        if any(a > b for a, b in zip(case.low, case.high, strict=True)):
            continue  # no input at all
        low, high = _outward(case)
        relaxation, _, first = prepare(chain, low, high)
        objective = _objective(relaxation, case)
        left = timeout - (monotonic() - started)
        maximum = maximize(
            objective,
            first,
            limits=Limits(goal=0.0, seconds=max(left, 0.0), threads=working),
            progress=progress,
        )
        found.append(maximum)
        point = _confirmed(network, shape, case, maximum)
        if point is not None:
            outputs = forward(relaxation, point.reshape(1, -1))[0]
            verdict = _verdict("sat", found, started, 0.0)
            runtime = None if model is None else met_in_runtime(Path(model), point, case.conditions)
            return replace(verdict, counterexample=point, outputs=outputs, runtime=runtime)
        if maximum.reason == "interrupted":
            break
    proven = all(m.upper < 0 for m in found) and not any(m.reason == "interrupted" for m in found)
    if proven:
        return _verdict("unsat", found, started, 0.0)
    # cases that were not come to are not decided at all
    left_over = sum(m.share for m in found) + len(cases) - begun
    return _verdict("unknown", found, started, left_over / len(cases))


def sample_shape(network: Network) -> tuple[int, ...]:
    """Return the shape of one sample.

    Raises:
        InvalidInputError: if the network leaves it open.
    """
    shape = network.inputs[0].shape[1:]
    if None in shape:
        raise InvalidInputError(
            f"expected a network with an input of known shape, got {network.inputs[0]}; export it with one"
        )
    return tuple(n or 0 for n in shape)


def _verdict(status: Status, found: list[Maximum], started: float, share: float) -> Verdict:
    reasons = [m.reason or "a counterexample could not be confirmed" for m in found if m.upper >= 0]
    return Verdict(
        status=status,
        counterexample=None,
        outputs=None,
        margin=(
            max((m.lower for m in found), default=-np.inf),
            max((m.upper for m in found), default=-np.inf),
        ),
        share=share,
        nodes=sum(m.nodes for m in found),
        seconds=monotonic() - started,
        reason=reasons[0] if status == "unknown" and reasons else "",
    )


def _outward(case: Case) -> tuple[Array, Array]:
    """Return float64 ends that enclose the exact ones."""
    low = [x if Fraction(x) <= end else np.nextafter(x, -np.inf) for end in case.low for x in [float(end)]]
    high = [x if Fraction(x) >= end else np.nextafter(x, np.inf) for end in case.high for x in [float(end)]]
    return np.array(low), np.array(high)


def _objective(relaxation: Any, case: Case) -> LeastOf:
    """Return the amount by which the tightest condition is met: −(Σ terms + constant), least over the conditions."""
    rows = len(case.conditions) or 1
    outputs, inputs = np.zeros((rows, len(relaxation.outputs))), np.zeros((rows, len(relaxation.size)))
    constant, above = np.zeros(rows), np.zeros(rows)
    for row, condition in enumerate(case.conditions):
        for (letter, number), factor in condition.terms:
            (outputs if letter == "Y" else inputs)[row, number] = -_exactly(factor)
        end = float(-condition.constant)
        constant[row] = end if Fraction(end) <= -condition.constant else np.nextafter(end, -np.inf)
        above[row] = 0.0 if Fraction(end) == -condition.constant else 2 * np.spacing(abs(end))
    return LeastOf(relaxation=relaxation, outputs=outputs, inputs=inputs, constant=constant, above=above)


def _exactly(factor: Fraction) -> float:
    if Fraction(float(factor)) != factor:
        raise InvalidInputError(
            f"expected factors in the property that float64 has exactly, got {float(factor)!r}, rounded; "
            "multiply the condition by a whole number"
        )
    return float(factor)


def _confirmed(network: Network, shape: tuple[int, ...], case: Case, maximum: Maximum) -> Array | None:
    """Return the witness where it is in the exact box and intervals through the network itself confirm it."""
    if maximum.witness is None:
        return None
    # a float32 is what the model's own runtime is fed; where it will do, it is the better counterexample
    for dtype in (np.float32, np.float64):
        point = _within(maximum.witness, case, dtype)
        inside = all(
            low <= Fraction(float(x)) <= high for x, low, high in zip(point, case.low, case.high, strict=True)
        )
        if inside and _holds(network, point.reshape(shape), case.conditions):
            return point.reshape(shape)
    return None


def _within(witness: Array, case: Case, dtype: type[np.floating[Any]]) -> Array:
    """Return the witness rounded to a type, and moved off ends that the type has only outside of the exact box."""
    made = []
    for x, low, high in zip(witness.astype(dtype), case.low, case.high, strict=True):
        if Fraction(float(x)) < low:
            made.append(float(np.nextafter(x, dtype(np.inf))))
        elif Fraction(float(x)) > high:
            made.append(float(np.nextafter(x, dtype(-np.inf))))
        else:
            made.append(float(x))
    return np.array(made)


def _holds(network: Network, point: Array, conditions: tuple[Condition, ...]) -> bool:
    low, high = bounds(network, point, point, linear=False).outputs[network.outputs[0].name]
    for condition in conditions:
        worst = condition.constant
        for (letter, number), factor in condition.terms:
            end = point if letter == "X" else (high if factor > 0 else low)
            worst += factor * Fraction(float(np.ravel(end)[number]))
        if worst > 0:
            return False
    return True
