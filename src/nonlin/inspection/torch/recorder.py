"""Runs a PyTorch model on batches and records its activations."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from nonlin.errors import InvalidInputError, NonlinError, first_line
from nonlin.inspection.recording import AffineChain, Batch, Loss, Progress, Recording
from nonlin.inspection.torch.acceptance import check_weights, original
from nonlin.inspection.torch.inputs import model_inputs, shapes_of
from nonlin.inspection.torch.layers import WeightNames
from nonlin.inspection.torch.objective import main_output, objective, output_tensors
from nonlin.inspection.torch.preservation import as_found, evaluating
from nonlin.inspection.torch.tracing import Tracing

__all__ = ["record"]

_BY_NAME = '; several inputs go by name, as {"left": ..., "right": ...}, also in each batch of a loader'
_OURS = (NonlinError, MemoryError, torch.OutOfMemoryError)
"""What says by itself what to do; anything else is the model's own code, which may raise whatever it likes."""
_THEIRS = (Exception, SystemExit)


@dataclass(slots=True, kw_only=True)
class _Progress:
    """What has been gathered besides the calls."""

    samples: int = 0
    chains: dict[AffineChain, None] = field(default_factory=dict)
    answers: list[npt.NDArray[np.intp]] = field(default_factory=list)
    nonfinite: int = 0
    words: str = ""
    obstacle: str = ""
    loss: Loss | None = None
    name: str


def record(
    model: nn.Module,
    batches: Iterable[Batch],
    *,
    progress: Progress | None = None,
    loss: Loss | None = None,
    name: str = "",
) -> Recording:
    """Run a model on batches in evaluation mode and record every call of an activation, with its gradient.

    The model is left as it was found. Each module's mode, hooks, buffers and gradients, and the random states are
    put back, also after an exception.

    Args:
        model: any module; a compiled one is run through its original.
        batches: with one input handed over by position, several by name.
        progress: called after each batch.
        loss: of outputs and labels; None for the cross-entropy.
        name: what the user calls the model; its class where there is none.

    Raises:
        InvalidInputError: no batches, weights that are not there, or inputs that the model does not take.
        UnsupportedModelError: a TorchScript module.
    """
    model = original(model)
    check_weights(model)
    total = sum(batch.size for batch in batches) if isinstance(batches, Sequence) else None
    so_far = _Progress(loss=loss, name=name or type(model).__name__)
    with ExitStack() as stack:
        stack.enter_context(as_found(model))
        stack.enter_context(evaluating(model))
        stack.enter_context(torch.inference_mode(mode=False))
        if "torch._dynamo" in sys.modules:  # only then is anything compiled, and its import takes a second
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        tracing = Tracing(WeightNames(model))
        stack.enter_context(tracing.places.watching(model))
        for batch in batches:
            _record_batch(model, batch, tracing, so_far)
            if progress is not None:
                progress(so_far.samples, total)
    return _finished(model, tracing, so_far)


def _record_batch(model: nn.Module, batch: Batch, tracing: Tracing, so_far: _Progress) -> None:
    inputs = model_inputs(model, batch)
    result = None
    if not so_far.obstacle:
        try:
            result = _run(model, inputs, (tracing, batch.size), gradients=True)
        except (NonlinError, MemoryError):
            raise
        except _THEIRS as error:  # a forward pass that cannot be differentiated may still run
            so_far.obstacle = f"none: the forward pass cannot be differentiated: {first_line(error)}"
    if so_far.obstacle:
        result = _run_plainly(model, inputs, (tracing, batch.size), name=so_far.name)
    output = main_output(result)
    scores = tracing.scores(output)
    so_far.chains.update(dict.fromkeys(tracing.finish(list(output_tensors(result)))))
    if not so_far.obstacle:
        _differentiate((output, scores), batch, tracing, so_far)
    tracing.calls.settle(batch.size)
    so_far.samples += batch.size
    so_far.nonfinite += int((~torch.isfinite(output.detach())).sum())
    if output.dim() == 2 and output.shape[1] > 1:
        answers = output.detach().argmax(dim=1).cpu().numpy().astype(np.intp)
        so_far.answers.append(np.where(output.detach().isnan().any(dim=1).cpu().numpy(), -1, answers))


def _run_plainly(
    model: nn.Module, inputs: dict[str, torch.Tensor], context: tuple[Tracing, int], *, name: str
) -> Any:
    try:
        return _run(model, inputs, context, gradients=False)
    except _OURS:
        raise
    except _THEIRS as error:
        raise InvalidInputError(
            f"expected inputs that {name} takes, got {shapes_of(inputs)}, on which its forward failed "
            f"with: {first_line(error)}; give data of the shape and type that it was trained on"
            + (_BY_NAME if "required positional argument" in str(error) else ""),
        ) from error


def _run(
    model: nn.Module, inputs: dict[str, torch.Tensor], context: tuple[Tracing, int], *, gradients: bool
) -> Any:
    tracing, size = context
    tracing.restart(size)
    arguments = {
        name: _leaf(value, tracing) if gradients else value.clone() for name, value in inputs.items()
    }
    for value in arguments.values():
        tracing.follow(value)
    with torch.set_grad_enabled(gradients), tracing:
        if len(arguments) == 1:
            return model(*arguments.values())
        return model(**arguments)


def _leaf(value: torch.Tensor, tracing: Tracing) -> torch.Tensor:
    if not value.dtype.is_floating_point:
        return value.clone()
    leaf = value.detach().requires_grad_()
    tracing.leaves.append(leaf)
    return leaf.clone()  # the model may write to its input, and not to a leaf


def _differentiate(
    made: tuple[torch.Tensor, tuple[torch.Tensor, str] | None],
    batch: Batch,
    tracing: Tracing,
    so_far: _Progress,
) -> None:
    output, scores = made
    if not output.requires_grad or not tracing.leaves:
        so_far.obstacle = "none: the outputs do not depend on the inputs in a way that can be differentiated"
        return
    with torch.enable_grad():
        goal = objective(output, batch.labels, first_sample=so_far.samples, loss=so_far.loss, scores=scores)
    try:
        torch.autograd.grad(goal.value, tracing.sources(), allow_unused=True)
    except Exception as error:  # noqa: BLE001 - a backward pass of the model's own may raise anything
        so_far.obstacle = f"none: the backward pass failed: {first_line(error)}"
        return
    so_far.words = goal.words


def _finished(model: nn.Module, tracing: Tracing, so_far: _Progress) -> Recording:
    if not so_far.samples:
        raise InvalidInputError(
            "expected at least one batch with samples, got none; give data to run the model on"
        )
    calls = tracing.calls.finish()
    if so_far.obstacle:
        # a backward pass that stops half-way has reached some of them
        calls = tuple(replace(call, gradient=None) for call in calls)
    return Recording(
        model=so_far.name,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        samples=so_far.samples,
        calls=calls,
        chains=_longest(tuple(so_far.chains)),
        gradient_of=so_far.obstacle or so_far.words,
        has_gradient=not so_far.obstacle,
        answers=np.concatenate(so_far.answers) if so_far.answers else None,
        nonfinite_outputs=so_far.nonfinite,
        unseen=tuple(tracing.unseen),
    )


def _longest(chains: tuple[AffineChain, ...]) -> tuple[AffineChain, ...]:
    return tuple(c for c in chains if not any(d is not c and _within(c.layers, d.layers) for d in chains))


def _within(part: tuple[str, ...], whole: tuple[str, ...]) -> bool:
    starts = range(len(whole) - len(part) + 1)
    return len(part) < len(whole) and any(whole[i : i + len(part)] == part for i in starts)
