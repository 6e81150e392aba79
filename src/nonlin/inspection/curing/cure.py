"""Tries, on copies, what may cure what an inspection found."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nonlin.errors import InvalidInputError
from nonlin.inspection.curing.applying import apply
from nonlin.inspection.curing.data import Material, material
from nonlin.inspection.curing.editing import CannotChangeError, Editable
from nonlin.inspection.curing.proposing import Proposal, proposals
from nonlin.inspection.curing.result import Cure, Trial, Untried
from nonlin.inspection.curing.scales import input_scale
from nonlin.inspection.data import as_array, read_data, read_labels
from nonlin.inspection.inspect import inspect, shaped
from nonlin.inspection.model import OnnxModel, TorchModel, open_model
from nonlin.inspection.recording import Progress
from nonlin.inspection.result import Inspection
from nonlin.inspection.thresholds import Thresholds
from nonlin.networks.finite import check_finite
from nonlin.results import number

__all__ = ["cure"]

Key = tuple[str, str]

_NAMED = 3

_LESS_ACCURATE = 0.01
"""How much less accurate a copy may be that was not trained after the change."""


def cure(  # noqa: PLR0913 - the public face, whose options are all by keyword
    model: Any,
    data: Any,
    labels: Any = None,
    *,
    loss: Any = None,
    optimizer: Any = None,
    steps: int = 20,
    trials: int = 12,
    batch_size: int = 64,
    thresholds: Thresholds | None = None,
    progress: Progress | None = None,
) -> Cure:
    """Try changes for what is wrong with the activations of a network, each on a copy of its own, and measure again.

    Args:
        model: as for `nonlin.inspect`. It is left exactly as it is: everything happens on copies.
        data: as for `nonlin.inspect`.
        labels: as for `nonlin.inspect`; for a loss that wants something else than class numbers, that.
        loss: "cross_entropy", "mse", "l1" or a function of (output, target); then each copy, and one that was not
            changed, is trained for the same steps on the same batches. For PyTorch only.
        optimizer: a `torch.optim.Optimizer`, whose class and settings are taken; a function that makes one of
            parameters; None for Adam at 1e-3.
        steps: of training.
        trials: how many changes to try at most, the likeliest first.
        batch_size: how many samples to run at once where the data is not already in batches.
        thresholds: from which figure on something is a finding.
        progress: called with the number of trials done, and of all of them.

    Returns:
        What each change did: findings and loss before and after, how far the outputs changed. A change that could not
        be made is among the untried, with the reason.

    Raises:
        MissingInputError, InvalidInputError, UnsafeModelError, UnsupportedModelError, MissingDependencyError: in one
            line, what was expected, what was got and what to do.

    >>> from nonlin import demonstration
    >>> result = cure(demonstration.model_path(), demonstration.data_path(), trials=2)
    >>> [(trial.name, trial.helps) for trial in result.trials]
    [('standardise the input', False), ('leaky_relu at relu1, relu2, relu3, relu4', True)]
    """
    opened = open_model(model)
    check_finite(opened.nonfinite_weights, "the model")
    if isinstance(data, str | Path):
        data = shaped(read_data(Path(data)), opened)
    if isinstance(labels, str | Path):
        labels = read_labels(Path(labels))
    if steps < 1 or trials < 1:
        raise InvalidInputError(f"expected at least 1 step and 1 trial, got {steps} and {trials}; give more")
    with _untouched(opened):
        given = material(data, labels, size=batch_size)
        if not given.batches:
            raise InvalidInputError("expected at least one batch of data, got none; give more data")
        copy = _copy(opened, given)
        outputs = copy.outputs(given.batches)
        if loss is not None and outputs[0].shape[1:] == (1,):  # whole numbers that are no classes
            given = given.without_classes()
        run = _Run(
            given=given,
            limits=thresholds or Thresholds(),
            before=inspect(copy.copy().opened, given.items(), thresholds=thresholds),
            outputs=outputs,
            training=_training(opened, given, (loss, optimizer, steps)),
        )
        return _tried(run, copy, trials, progress)


@dataclass(slots=True, kw_only=True)
class _Run:
    """What every trial is measured against."""

    given: Material
    limits: Thresholds
    before: Inspection
    outputs: list[Any]
    training: Any


def _untouched(opened: Any) -> AbstractContextManager[None]:
    """Guard what the user's own code may reach while it runs here: their model, the random states."""
    if not isinstance(opened, TorchModel):
        return nullcontext()
    from nonlin.inspection.torch.preservation import as_found

    return as_found(opened.module)


def _copy(opened: Any, given: Material) -> Editable:
    if isinstance(opened, OnnxModel):
        from nonlin.inspection.curing.onnx_editing import OnnxCopy

        return OnnxCopy(opened.proto, opened.name)
    from nonlin.inspection.curing.torch_editing import copy_of

    return copy_of(opened.module, opened.name, given.batches[0])


def _training(opened: Any, given: Material, wanted: tuple[Any, Any, int]) -> Any:
    """Return what trains a copy and returns its loss before and after; None without a loss."""
    loss, optimizer, steps = wanted
    if loss is None:
        return None
    if not isinstance(opened, TorchModel):
        raise InvalidInputError(
            "expected a PyTorch model to train with a loss, got an ONNX file; leave the loss out, or give the module"
        )
    from nonlin.inspection.curing.training import loss_of, mean_loss, train

    measure = loss_of(loss)
    if not given.targets:
        raise InvalidInputError("expected labels to take the loss against, got none; give labels")

    def run(model: Any) -> tuple[float, float]:
        before = mean_loss(model, given, measure)
        train(model, given, measure, optimizer=optimizer, steps=steps)
        return before, mean_loss(model, given, measure)

    run.steps = steps  # type: ignore[attr-defined]  # how many it takes
    return run


def _tried(run: _Run, copy: Editable, most: int, progress: Progress | None) -> Cure:
    planned = proposals(run.before.findings, [call.name for call in run.before.calls])
    unchanged = _unchanged(run, copy.copy()) if run.training else None
    done: list[Trial] = []
    untried: list[Untried] = []
    for place, proposal in enumerate(planned):
        if len(done) >= most:
            untried.append(
                Untried(name=proposal.name, cause=proposal.cause, reason=f"only {most} trials were asked for")
            )
            continue
        try:
            done.append(_trial(run, copy.copy(), proposal, unchanged))
        except CannotChangeError as error:
            untried.append(Untried(name=proposal.name, cause=proposal.cause, reason=str(error)))
        if progress is not None:
            progress(place + 1, len(planned))
    return Cure(
        model_name=run.before.model,
        inspection=run.before,
        unchanged=unchanged,
        trials=tuple(done),
        untried=tuple(untried),
        steps=run.training.steps if run.training else 0,
    )


def _unchanged(run: _Run, copy: Editable) -> Trial:
    losses = run.training(copy.changed)
    after = inspect(copy.opened, run.given.items(), thresholds=run.limits)
    keys = _keys(run.before)
    return Trial(
        name="unchanged",
        cause="",
        for_findings=(),
        changes=(),
        before=keys,
        changed=keys,
        after=_keys(after),
        loss_before=losses[0],
        loss_after=losses[1],
        accuracy_before=run.before.accuracy,
        accuracy_after=after.accuracy,
        outputs_changed=0.0,
        helps=False,
        reason="nothing was changed",
        _model=copy.changed,
    )


def _trial(run: _Run, copy: Editable, proposal: Proposal, unchanged: Trial | None) -> Trial:
    items = run.given.items()
    scale = input_scale([as_array(x) for batch in run.given.batches for x in batch.inputs.values()])
    exchanged = (
        proposal.changes[0].kind == "exchange"
    )  # the later ones of a kind are numbered by the earlier ones
    for change in reversed(proposal.changes) if exchanged else proposal.changes:
        apply(copy, change, run.given.batches, scale)
    difference = _difference(run.outputs, copy.outputs(run.given.batches))
    changed = after = inspect(copy.opened, items, thresholds=run.limits)
    losses: tuple[float | None, float | None] = (None, None)
    if run.training:
        losses = run.training(copy.changed)
        after = inspect(copy.opened, items, thresholds=run.limits)
    named = {new.name: old.name for new, old in zip(after.calls, run.before.calls, strict=False)}
    if len(after.calls) != len(run.before.calls):
        named = {}
    keys = _keys(run.before), _keys(changed, named), _keys(after, named)
    reason = _reason(proposal, keys, unchanged) or _worse(losses[1], after.accuracy, run, unchanged)
    return Trial(
        name=proposal.name,
        cause=proposal.cause,
        for_findings=tuple(proposal.targets),
        changes=tuple(proposal.changes),
        before=keys[0],
        changed=keys[1],
        after=keys[2],
        loss_before=losses[0],
        loss_after=losses[1],
        accuracy_before=run.before.accuracy,
        accuracy_after=after.accuracy,
        outputs_changed=difference,
        helps=not reason,
        reason=reason,
        _model=copy.changed,
    )


def _keys(inspection: Inspection, named: dict[str, str] | None = None) -> tuple[Key, ...]:
    """Return the warnings and errors; a call whose function was exchanged keeps the name that it had."""
    names = named or {}
    return tuple((f.kind, names.get(f.call, f.call)) for f in inspection.at_or_above("warning"))


def _reason(proposal: Proposal, keys: tuple[tuple[Key, ...], ...], unchanged: Trial | None) -> str:
    """Return why a change does not help, as far as findings go; what the training alone brings is not its fault."""
    before, _, after = (set(group) for group in keys)
    before |= set(unchanged.after) if unchanged is not None else set()
    left = [f"{kind} at {call}" for kind, call in proposal.targets if (kind, call) in after]
    new = [f"{kind} at {call}" for kind, call in sorted(after - before)]
    if left:
        return f"still {', '.join(left[:_NAMED])}"
    return f"new: {', '.join(new[:_NAMED])}" if new else ""


def _worse(loss: float | None, accuracy: float | None, run: _Run, unchanged: Trial | None) -> str:
    """Return why a change does not help, as far as the answers go; trained, it is compared with the same training."""
    if unchanged is not None and loss is not None and unchanged.loss_after is not None:
        if not loss <= unchanged.loss_after:
            return f"the loss ends at {number(loss)}, unchanged at {number(unchanged.loss_after)}"
        return ""
    before = run.before.accuracy
    if accuracy is not None and before is not None and accuracy < before - _LESS_ACCURATE:
        return f"the accuracy falls to {accuracy:.1%}, without any training"
    return ""


def _difference(before: Sequence[Any], after: Sequence[Any]) -> float | None:
    """Return the norm of the change over the norm; None where it is not finite."""
    with np.errstate(all="ignore"):
        change = sum(float(np.sum(np.square(b - a))) for a, b in zip(before, after, strict=True))
        size = sum(float(np.sum(np.square(a))) for a in before)
        found = float(np.sqrt(change / size)) if size > 0 else float("nan")
    return found if np.isfinite(found) else None
