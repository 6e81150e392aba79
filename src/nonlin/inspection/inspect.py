"""The inspection of a network: record it on data, judge what was measured."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nonlin.errors import InvalidInputError, UnsupportedModelError
from nonlin.inspection.curing.causes import with_causes
from nonlin.inspection.curing.code import Target
from nonlin.inspection.curing.scales import input_scale
from nonlin.inspection.data import as_array, batches_of, part, read_data, read_labels
from nonlin.inspection.folding import count_folds, first_curved
from nonlin.inspection.model import Model, TorchModel, open_model
from nonlin.inspection.predicting import predict_calls
from nonlin.inspection.prediction import Prediction
from nonlin.inspection.presets import Measurements, preset_findings, preset_of
from nonlin.inspection.proving import Proofs, prove_calls, with_proofs
from nonlin.inspection.rank import Spread, effective_rank, measure_spread, merge_spreads
from nonlin.inspection.recording import Batch, Loss, Progress, Recording
from nonlin.inspection.result import Call, Collapse, Finding, Folds, Inspection
from nonlin.inspection.thresholds import Thresholds
from nonlin.inspection.verdicts import describe, findings, with_verdicts
from nonlin.networks import Network

__all__ = ["inspect", "shaped"]

Array = npt.NDArray[Any]

_SAMPLES_KEPT = 256

_FEW = 2
"""The samples of the pass that looks for the layer behind each call."""


def inspect(  # noqa: PLR0913 - the public face, whose options are all by keyword
    model: Any,
    data: Any,
    labels: Any = None,
    *,
    batch_size: int = 64,
    loss: Loss | None = None,
    thresholds: Thresholds | str | None = None,
    box: tuple[Any, Any] | None = None,
    predicted: bool = False,
    folds: bool = True,
    progress: Progress | None = None,
) -> Inspection:
    """Learn what the activations of a trained network do on some data.

    Args:
        model: the path of an ONNX file or of a .pt2 program, or a `torch.nn.Module`, which is left exactly as it is.
        data: an array or tensor of shape (samples, …), a mapping of them by input name, an iterable of batches such as
            a DataLoader, or the path of an .npy, .npz or .csv file.
        labels: shape (samples,), class numbers from 0, or the path of a file of them; with another loss its targets.
            With labels the gradients are those of the loss, without those of a random direction of the outputs.
        loss: "cross_entropy", which is meant if nothing is given; "mse", for labels of the outputs' shape; or a
            function of the outputs and the labels, as PyTorch tensors, that returns one number a sample, or their mean.
        batch_size: how many samples to run at once where the data is not already in batches.
        thresholds: from which figure on something is a finding; or whose rules to judge by instead: "sagemaker",
            "autotrainer", "thedeepchecker" or "fastai".
        box: the lower and the upper ends of a box of inputs, numbers or arrays of the shape of one sample; then each
            call also says which units are proven dead or linear on all of it.
        predicted: whether to put what the weights predict beside what is measured: the length of every pre-activation
            and the gradient at every call. For a PyTorch module the export takes some seconds.
        folds: whether to count the folds between two samples of different classes, where the network is piecewise
            linear. For a PyTorch module the export takes seconds, once an inspection: without it and without
            `predicted` and `box` an inspection costs little more than the passes.
        progress: called with the number of samples done, and of all of them where that is known.

    Returns:
        The inspection.

    Raises:
        MissingInputError, InvalidInputError, UnsafeModelError, UnsupportedModelError, MissingDependencyError: in one
            line, what was expected, what was got and what to do.

    >>> from nonlin import demonstration
    >>> inspection = inspect(demonstration.model_path(), demonstration.data_path())
    >>> [(call.name, call.dead, call.units) for call in inspection.calls][0]
    ('relu1', 31, 64)
    """
    preset = thresholds if isinstance(thresholds, str) else None
    limits = thresholds if isinstance(thresholds, Thresholds) else Thresholds()
    rules = None if preset is None else preset_of(preset)
    classes = _classes(loss)
    opened = open_model(model)
    if isinstance(data, str | Path):
        data = shaped(read_data(Path(data)), opened)
    if isinstance(labels, str | Path):
        labels = read_labels(Path(labels), classes=classes)
    if progress is not None:
        progress = _of_all(progress, _count(data))
    first = _First(classes=classes)
    batches = batches_of(data, labels, size=batch_size, classes=classes)
    if rules is not None:
        given = list(batches)
        batches = iter(given)
    weights = opened.nonfinite_weights
    recording = opened.record(first.passing(batches), progress, loss)
    calls = tuple(describe(recorded, limits) for recorded in recording.calls)
    if rules is None:
        found = findings(recording, calls, limits, input_rank=first.rank(), weights=weights)
        if not weights:  # which are cause enough
            found = first.causes(opened, recording, found)
    else:
        gradients = opened.weight_gradients(given, loss) if rules.gradients else ()
        found = preset_findings(rules, recording, Measurements(gradients=gradients))
    proofs = first.proofs(opened, recording, box, limits)
    return Inspection(
        model=recording.model,
        parameters=recording.parameters,
        samples=recording.samples,
        gradient_of=recording.gradient_of,
        calls=tuple(with_proofs(with_verdicts(calls, found), proofs)),
        findings=found,
        collapses=tuple(
            Collapse(layers=c.layers, parameters=c.parameters, merged=c.merged) for c in recording.chains
        ),
        folds=first.folds(opened, recording) if folds else Folds(reason="they were not asked for"),
        unseen=recording.unseen,
        accuracy=first.accuracy(recording),
        thresholds=limits,
        recording=recording,
        box=proofs.box,
        unbounded=proofs.unbounded,
        preset=preset,
        prediction=first.prediction(opened, calls) if predicted else None,
        nonfinite_weights=weights,
    )


def _classes(loss: Loss | None) -> bool:
    """Return whether the labels of a loss are the numbers of classes."""
    if loss not in (None, "cross_entropy", "mse") and not callable(loss):
        raise InvalidInputError(
            f'expected the loss as "cross_entropy", "mse" or a function of outputs and labels, got {loss!r}; give one'
        )
    return loss in (None, "cross_entropy")


def _of_all(progress: Progress, total: int | None) -> Progress:
    return lambda done, _: progress(done, total)


def _count(data: Any) -> int | None:
    """Return the number of samples, None where only the batches will show it."""
    arrays = data.values() if isinstance(data, Mapping) else [data] if hasattr(data, "shape") else []
    return next((len(array) for array in arrays if np.ndim(array)), None)


def shaped(arrays: dict[str, Array], opened: Model) -> dict[str, Array]:
    """Give the rows of a table the shape that the network wants, where the sizes fit."""
    shape = opened.sample_shape
    data = next(iter(arrays.values()))
    if len(arrays) > 1 or data.ndim != 2 or shape is None or data.shape[1:] == shape:
        return arrays
    if None in shape or int(np.prod(np.asarray(shape, dtype=int))) != data.shape[1]:
        return arrays
    return {name: array.reshape(len(array), *(n or 0 for n in shape)) for name, array in arrays.items()}


def _flat(inputs: Mapping[str, Any]) -> Array:
    """Return what belongs to each sample as one row."""
    arrays = [as_array(value) for value in inputs.values()]
    count = next(len(array) for array in arrays if array.ndim)
    return np.concatenate(
        [array.reshape(count, -1) for array in arrays if array.ndim and len(array) == count], 1
    )


def _alike(spreads: list[Spread]) -> bool:
    return len({spread.mean.shape for spread in spreads}) == 1


@dataclass(slots=True)
class _First:
    """Watches the batches go by: keeps the first samples, and all labels."""

    classes: bool = True
    inputs: list[Any] = field(default_factory=list)
    labels: list[Array] = field(default_factory=list)
    kept: int = 0
    graph: Network | None = None

    def passing(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        for batch in batches:
            if self.kept < _SAMPLES_KEPT:
                self.inputs.append(batch.inputs)
                self.kept += batch.size
            if batch.labels is not None and self.classes:
                self.labels.append(batch.labels)
            yield batch

    def rank(self) -> float | None:
        """Return the effective rank of the first samples."""
        spreads = [measure_spread(_flat(inputs), 1) for inputs in self.inputs]
        return effective_rank(reduce(merge_spreads, spreads)) if _alike(spreads) else None

    def causes(self, opened: Model, recording: Recording, found: tuple[Finding, ...]) -> tuple[Finding, ...]:
        """Return the findings with their causes; where a few samples alone do not run, the weights stay unseen."""
        if not found:
            return found
        inputs = self.inputs[0]
        size = len(as_array(next(iter(inputs.values()))))
        try:
            weights = opened.layer_weights(part(Batch(inputs=inputs, labels=None, size=size), 0, _FEW))
        except Exception:  # noqa: BLE001 - the model's own code may raise anything on a batch that it does not expect
            weights = {}
        scale = input_scale([as_array(x) for batch in self.inputs for x in batch.values()])
        target = Target(file=opened.name, inputs=len(inputs))
        return with_causes(found, recording, weights, scale, target=target)

    def accuracy(self, recording: Recording) -> float | None:
        if recording.answers is None or not self.labels:
            return None
        labels = np.concatenate(self.labels)
        return float(np.mean(labels == recording.answers)) if len(labels) == len(recording.answers) else None

    def folds(self, opened: Model, recording: Recording) -> Folds:
        classes = np.concatenate(self.labels) if self.labels else recording.answers
        if classes is None or len(classes) != recording.samples:
            return Folds(
                reason="there are no classes: the network does not have one output a class; give labels"
            )
        if np.any(classes[: self.kept] < 0):
            return Folds(reason="an output is NaN, so that its sample is of no class")
        if any(len(inputs) != 1 for inputs in self.inputs):
            return Folds(reason="the network has several inputs")
        if (curved := first_curved(recording.calls)) is not None:
            return Folds(
                reason=f"the network is not piecewise linear: '{curved.name}' is {curved.function.label}"
            )
        samples = [as_array(next(iter(inputs.values()))) for inputs in self.inputs]
        return count_folds(
            lambda: self.network(opened),
            np.concatenate(samples),
            classes[: self.kept],
            by_label=bool(self.labels),
        )

    def network(self, opened: Model) -> Network:
        """Return the graph, which for a PyTorch module is exported once.

        Raises:
            UnsupportedModelError: for a module with several inputs.
        """
        if self.graph is None:
            names = list(self.inputs[0])
            if isinstance(opened, TorchModel) and len(names) > 1:
                raise UnsupportedModelError(
                    f"expected a PyTorch model with one input, to read as a graph, got {', '.join(names)}; "
                    "give an ONNX file"
                )
            self.graph = opened.network(as_array(next(iter(self.inputs[0].values())))[:1])
        return self.graph

    def prediction(self, opened: Model, calls: tuple[Call, ...]) -> Prediction:
        values = [as_array(next(iter(inputs.values()))) for inputs in self.inputs]
        samples = np.concatenate([array for array in values if array.shape[1:] == values[0].shape[1:]])
        return predict_calls(lambda: self.network(opened), calls, samples)

    def proofs(
        self, opened: Model, recording: Recording, box: tuple[Any, Any] | None, limits: Thresholds
    ) -> Proofs:
        if box is None:
            return Proofs()
        return prove_calls(lambda: self.network(opened), recording.calls, box, limits.constant_slope)
