"""Whether inputs exist for which the conditions of a property hold."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Any, Literal

import numpy as np

from nonlin.errors import InvalidInputError
from nonlin.geometry.cells.lowering import lower
from nonlin.geometry.checks import readied
from nonlin.geometry.verification.question import Question
from nonlin.geometry.verification.runtime import met_in_runtime
from nonlin.geometry.verification.search import Maximum, Progress, threads_of
from nonlin.geometry.verification.vnnlib import Case, read_property
from nonlin.networks import Network
from nonlin.networks.array import Array
from nonlin.networks.evaluation import evaluate
from nonlin.results import Result, plain

__all__ = ["Verdict", "verify"]

Status = Literal["sat", "unsat", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Verdict(Result):
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
        ranges: what each output lies between over all inputs that the property is about, proven before any search;
            shape (outputs, 2). None where the time was out before, or there are more than 128 outputs.
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
    ranges: Array | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as values that JSON has; an end that is infinite is None."""
        made: dict[str, Any] = plain(self)
        return made

    def columns(self) -> dict[str, list[Any]]:
        """Return one row; the margin as two columns."""
        named = self.to_dict()
        del named["ranges"]
        least, most = named.pop("margin")
        return {key: [value] for key, value in {**named, "margin_low": least, "margin_high": most}.items()}

    def __str__(self) -> str:
        said = {"sat": "sat: the counterexample meets every condition", "unsat": "unsat: no input meets them"}
        if self.status in said:
            return said[self.status]
        return f"unknown: {self.reason}, {100 * self.share:.3g} % of the inputs left"


def verify(
    network: Network | str | Path,
    prop: str | Path,
    *,
    timeout: float = 60.0,
    threads: int | None = None,
    model: str | Path | None = None,
    progress: Progress | None = None,
) -> Verdict:
    """Prove that no input meets the conditions of a property, or find one.

    Args:
        network: piecewise linear, with one input, or the path of one; its weights in real arithmetic.
        prop: the path of a VNN-LIB file; it describes what must not happen.
        timeout: seconds.
        threads: how many work at once; None: one for each core that this process may use.
        model: the ONNX file of the network, unless it is given by its path; a counterexample is tried in ONNX Runtime
            too, where that is installed.
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
    if model is None and isinstance(network, str | Path) and Path(network).suffix == ".onnx":
        model = network
    network, shape = readied(network)
    chain = lower(network, shape)
    started = monotonic()
    cases = read_property(Path(prop), int(np.prod(shape)), chain.outputs.size)
    question = Question(
        network=network,
        chain=chain,
        shape=shape,
        until=started + timeout,
        threads=working,
        progress=progress,
    )
    return _answered(question, cases, started, model)


def _answered(question: Question, cases: Sequence[Case], started: float, model: str | Path | None) -> Verdict:
    found: list[Maximum] = []
    left = question.undecided(cases)
    for case in left:
        maximum, point = question.searched(case)
        found.append(maximum)
        if point is not None:
            sample, network = point.reshape(question.shape), question.network
            outputs = np.ravel(evaluate(network, {network.inputs[0].name: sample[None]})[0])
            verdict = _verdict("sat", question, found, (started, 0.0))
            runtime = None if model is None else met_in_runtime(Path(model), sample, case.conditions)
            return replace(verdict, counterexample=sample, outputs=outputs, runtime=runtime)
        if maximum.reason in ("interrupted", "out of time"):
            break
    if len(found) == len(left) and all(m.upper < 0 for m in found):
        return _verdict("unsat", question, found, (started, 0.0))
    # cases that were not come to are not decided at all
    share = (sum(m.share for m in found) + len(left) - len(found)) / len(cases)
    return _verdict("unknown", question, found, (started, share))


def _verdict(
    status: Status, question: Question, searched: list[Maximum], rest: tuple[float, float]
) -> Verdict:
    found, (started, share) = [*question.proven, *searched], rest
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
        ranges=question.ranges,
    )
