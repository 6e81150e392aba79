"""The result of an inspection, as plain values."""

from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nonlin.geometry import Line
from nonlin.inspection.curing.change import Cause
from nonlin.inspection.recording import Recording
from nonlin.inspection.thresholds import Thresholds
from nonlin.networks.finite import NonfiniteTensor
from nonlin.results import Result, columns_of, plain

if TYPE_CHECKING:
    from nonlin.inspection.prediction import Prediction

__all__ = ["SEVERITIES", "Call", "Collapse", "Finding", "Folds", "Inspection", "Kind", "Severity"]

Kind = Literal[
    "dead",
    "saturated",
    "linear",
    "collapse",
    "vanishing",
    "exploding",
    "nonfinite",
    "uncentred",
    "dormant",
    "massive",
    "low-rank",
]
Severity = Literal["note", "warning", "error"]
SEVERITIES: tuple[Severity, ...] = ("note", "warning", "error")

_SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of an activation, measured.

    Args:
        name: where it stands in the network.
        function: the activation, with its parameters.
        layer: the affine layer before it, or None.
        shape: of its pre-activation, without the batch axis.
        units: how many units (neurons or channels) it has.
        samples, values: how many samples were measured, and how many values of each unit.
        dead: units whose slope was never above a thousandth of the largest, on any sample; None for a function of a
            whole vector (softmax), which has no slope of one number, and where no value is finite; so for the next
            four.
        saturated: units with over half of their values on a flat part of the function.
        linear: live units whose slope is constant on this data; "always on" for ReLU.
        dead_units, saturated_units, linear_units: their indices.
        nonfinite_units: the indices of those with a value that is NaN or infinite, which are none of the three.
        slope_mean: the mean slope, relative to the function's largest.
        sparsity: the share of outputs that are exactly 0.
        resting: the share of values at rest (ReLU: off).
        mean, std: of the outputs, over samples, positions and units.
        input_mean, input_std: of the pre-activations.
            These six are of the finite values (an output whose pre-activation is not finite counts as one that is
            not), of which there are units · values − nonfinite; NaN where there is none.
        largest: the largest abs(output), of the finite ones.
        gradient: the root mean square over samples of the norm of the gradient with respect to the output; None
            where there is none, and behind a softmax, where the loss is not taken.
        nonfinite: how many values are NaN or infinite.
        rank: the effective rank of the outputs, over at most 64 of the units that vary (Roy and Vetterli 2007); None
            where fewer than 8 do.
        verdict: "healthy", or the worst kind of finding.
        proven_dead, proven_linear: units proven dead, and proven linear, on every input of the box; None where no box
            was given or nothing is proven of the call.
        proven_dead_units, proven_linear_units: their indices.
        certificate: how that was proven: by "interval" bounds, or by "linear" ones where those do not decide.
    """

    name: str
    function: str
    layer: str | None
    shape: tuple[int, ...]
    units: int
    samples: int
    values: int
    dead: int | None
    saturated: int | None
    linear: int | None
    dead_units: tuple[int, ...]
    saturated_units: tuple[int, ...]
    linear_units: tuple[int, ...]
    nonfinite_units: tuple[int, ...]
    slope_mean: float | None
    sparsity: float
    resting: float
    mean: float
    std: float
    input_mean: float
    input_std: float
    largest: float
    gradient: float | None
    nonfinite: int
    rank: float | None = None
    verdict: str = "healthy"
    proven_dead: int | None = None
    proven_linear: int | None = None
    proven_dead_units: tuple[int, ...] = ()
    proven_linear_units: tuple[int, ...] = ()
    certificate: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is wrong, or worth knowing.

    Args:
        kind: what it is.
        severity: "note", "warning" or "error".
        call: the name of the call, or of the layers.
        units: the indices of the units concerned; empty where it is the whole call.
        figure: the number on which the verdict rests.
        threshold: from which figure on it is a finding.
        samples: on how many samples.
        message: what was found, in words.
        advice: one line on what to try, most likely cause first. It has not been tried.
        causes: the likeliest first, each with the measurement that speaks for it or against it, and what to change.
    """

    kind: Kind
    severity: Severity
    call: str
    units: tuple[int, ...]
    figure: float
    threshold: float
    samples: int
    message: str
    advice: str
    causes: tuple[Cause, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Collapse:
    """Affine layers in a row that together are one.

    Args:
        layers: their names.
        parameters: how many they have.
        merged: how many the one layer has that does the same.
    """

    layers: tuple[str, ...]
    parameters: int
    merged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Folds:
    """The folds on the straight line between two samples, or why there are none to count.

    Args:
        first, second: the numbers of the samples in the data.
        classes: the class of each.
        by_label: whether the classes are the labels given, and not the network's own answers.
        line: the pieces; None where they cannot be counted.
        reason: why not; empty where they can.
        on_logits: whether a final softmax or sigmoid was left out.
    """

    first: int = 0
    second: int = 0
    classes: tuple[int, int] = (0, 0)
    by_label: bool = False
    line: Line | None = None
    reason: str = ""
    on_logits: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection(Result):
    """What the activations of a network do on some data.

    Args:
        model: what was inspected.
        parameters: how many weights it has.
        samples: on how many samples.
        gradient_of: what the gradients are of, or why there are none.
        calls: every call of an activation, in the order of the forward pass.
        findings: the worst first.
        collapses: affine layers in a row.
        folds: on the line between two samples of different classes.
        unseen: operators that have activations inside which were not measured, such as an LSTM's gates.
        accuracy: the share of samples whose largest output is at their label; None without labels.
        thresholds: what the verdicts were measured against.
        recording: the measurements by unit, for drawing; not part of the JSON.
        box: the box of inputs over which units were proven dead or linear, in words; None where none was given.
        unbounded: what the proofs do not reach beyond, by name.
        preset: the tool whose rules judged, None for nonlin's own.
        prediction: the lengths and gradients that the weights predict, beside the measured ones; None where it was
            not asked for.
        nonfinite_weights: the weights with entries that are NaN or infinite, with their numbers.
    """

    model: str
    parameters: int
    samples: int
    gradient_of: str
    calls: tuple[Call, ...]
    findings: tuple[Finding, ...]
    collapses: tuple[Collapse, ...]
    folds: Folds
    unseen: tuple[str, ...]
    accuracy: float | None
    thresholds: Thresholds
    recording: Recording = field(repr=False, compare=False)
    box: str | None = None
    unbounded: tuple[str, ...] = ()
    preset: str | None = None
    prediction: "Prediction | None" = None
    nonfinite_weights: tuple[NonfiniteTensor, ...] = ()

    @property
    def healthy(self) -> bool:
        """Whether there is no finding of severity "warning" or "error"."""
        return not any(self.at_or_above("warning"))

    def at_or_above(self, severity: Severity) -> tuple[Finding, ...]:
        """Return the findings of at least this severity."""
        least = SEVERITIES.index(severity)
        return tuple(f for f in self.findings if SEVERITIES.index(f.severity) >= least)

    def __str__(self) -> str:
        numbers = {s: sum(f.severity == s for f in self.findings) for s in reversed(SEVERITIES)}
        counts = ", ".join(f"{n} {severity}{'s' * (n != 1)}" for severity, n in numbers.items())
        calls = f"{len(self.calls)} call{'s' * (len(self.calls) != 1)} of activations"
        samples = f"{self.samples} sample{'s' * (self.samples != 1)}"
        lines = [f"{self.model}: {calls}, {samples}; {counts}"]
        lines += [f"{f.severity}: {f.message}" for f in self.findings]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as values that JSON has; NaN and infinite numbers become None."""
        result: dict[str, Any] = {"schema": _SCHEMA, "healthy": self.healthy}
        for name in (
            "model",
            "parameters",
            "samples",
            "gradient_of",
            "accuracy",
            "unseen",
            "box",
            "unbounded",
            "preset",
        ):
            result[name] = getattr(self, name)
        for name in ("calls", "findings", "collapses", "nonfinite_weights"):
            result[name] = [asdict(item) for item in getattr(self, name)]
        result["folds"] = self._folds()
        result["prediction"] = None if self.prediction is None else self.prediction.to_dict()
        result["thresholds"] = asdict(self.thresholds)
        found: dict[str, Any] = plain(result)
        return found

    def columns(self) -> dict[str, list[Any]]:
        """Return one list a figure, one entry a call, as data frames take it."""
        return columns_of(Call, self.calls)

    def _folds(self) -> dict[str, Any]:
        folds = self.folds
        if folds.line is None:
            return {"pieces": None, "reason": folds.reason}
        return {
            "pieces": folds.line.count,
            "certified": folds.line.certified,
            "first": folds.first,
            "second": folds.second,
            "classes": folds.classes,
            "by_label": folds.by_label,
            "on_logits": folds.on_logits,
            "breakpoints": folds.line.breakpoints.tolist(),
            "calls": folds.line.calls,
        }

    def to_html(self, path: str | Path) -> Path:
        """Write one self-contained HTML page; an existing file is replaced only when the page is whole.

        Raises:
            MissingInputError: if the folder does not exist.
        """
        return Path(_report().write_html(self, Path(path)))

    def _repr_html_(self) -> str:
        return str(_report().fragment(self))


def _report() -> Any:
    """Return the room that draws results; it stands above this one, and is looked up only when a picture is wanted."""
    return import_module("nonlin.report")
