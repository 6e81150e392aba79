"""Simplifies a network without changing what it computes, and checks that before it hands it out."""

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import onnx

from nonlin.errors import InvalidInputError, UnsupportedModelError
from nonlin.networks import Network, network_of
from nonlin.networks.onnx_writer import floating_types, model_of, shortened
from nonlin.simplification.absorption import absorb
from nonlin.simplification.boxes import words_of
from nonlin.simplification.checking import Feeds, compare
from nonlin.simplification.exact import tightened
from nonlin.simplification.identities import drop_identities
from nonlin.simplification.merging import merge_layers
from nonlin.simplification.ranges import proven_ranges, silent_ranges
from nonlin.simplification.removal import Removal
from nonlin.simplification.result import Agreement, Simplification
from nonlin.simplification.shapes import shapes_in_run
from nonlin.simplification.sizes import seconds_of, size_of
from nonlin.simplification.stable import Range, settle
from nonlin.simplification.subject import Subject, feeds_for, file_of, original_of, prepared
from nonlin.simplification.units import remove_units

__all__ = ["Effort", "simplify", "verify"]

Effort = Literal["interval", "linear", "exact"]

_ROUNDS = 20
_BOLDNESS = (2, 1, 0)
"""How much may round otherwise: each is tried where the one before it changes float32 too much."""

_FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE)


def simplify(  # noqa: PLR0913 - the public face, whose options are all by keyword
    model: Any,
    *,
    over: Any = None,
    data: Any = None,
    silent: bool = False,
    effort: Effort = "linear",
    seconds: float = 60.0,
    own_rounding: bool = False,
) -> Simplification:
    """Remove what a network does not need, and check that nothing changed.

    Args:
        model: the path of an ONNX file, a `Network`, or a `torch.nn.Module` (then `data` is needed to read it, or
            arrays in `over`).
        over: the box of inputs for which it shall hold: (low, high), numbers or arrays of the shape of a sample, or for
            several inputs a mapping of such pairs by name; None for all inputs.
        data: inputs to check on too: an array, or a mapping of arrays by the name of the input.
        silent: whether units go that are on one flat piece on all of `data`. That is no proof.
        effort: how the box is bounded: by "interval" arithmetic, then by "linear" functions of the input, then by
            "exact" (mixed-integer) bounds of what is still undecided.
        seconds: for exact bounds; what is not decided then stays.
        own_rounding: whether the outputs may differ by more than 1e-5 where the original's own float32 rounding is
            larger, by up to four times of it; in float64 they agree all the same.

    Returns:
        The simplified network with what was removed and how far it is from the original. float64 weights are kept until
        it is written.

    Raises:
        InvalidInputError: if the box or the data does not fit.
        UnsupportedModelError: if the network cannot be run, so that nothing could be checked; or if no simplification
            passed the check.

    >>> from nonlin import demonstration
    >>> result = simplify(demonstration.model_path())
    >>> result.agreement.holds, result.proven
    (True, True)
    """
    network = original_of(model, data, over)
    subject = prepared(network, over, data)
    notes, ranges = _ranges(subject, effort=effort, seconds=seconds, silent=silent)
    feeds = {"given": subject.given} if silent else feeds_for(subject, ranges)
    failed: Agreement | None = None
    for bold in _BOLDNESS:
        smaller, removed = _reduced(subject, ranges, bold)
        if removed and _grown(subject, smaller):
            if bold == _BOLDNESS[0]:
                continue
            notes += ("left as it is: weights that several nodes share would be stored once for each",)
            removed = []
        if not removed:
            smaller = network
        agreement = _checked(subject, smaller, feeds, own_rounding=own_rounding)
        if agreement.holds:
            return _result(subject, smaller, removed, agreement, (*notes, *_kept(failed)))
        failed = failed or agreement
    assert failed is not None  # noqa: S101 - the loop ran
    if _only_rounds(failed):
        agreement = _checked(subject, network, feeds, own_rounding=own_rounding)
        return _result(subject, network, [], agreement, (*notes, *_kept(failed)))
    raise UnsupportedModelError(
        f"expected a simplification of {network.name} that agrees within {failed.limit:.1e}, got "
        f"{failed.difference:.1e} (in float64: "
        f"{failed.reason or failed.difference_float64}); nothing is written: report this network"
    )


def _only_rounds(failed: Agreement) -> bool:
    return failed.difference_float64 is not None and failed.difference_float64 <= failed.limit_float64


def _kept(failed: Agreement | None) -> tuple[str, ...]:
    """Return in words what stays for its rounding."""
    if failed is None:
        return ()
    if not _only_rounds(failed):
        return ("more could go, but what was tried first did not pass the check: report this network",)
    own = "" if failed.rounding is None else f"; its own rounding is {failed.rounding:.1e}"
    words = (
        f"more could go: nothing would change in float64, but float32 would differ by {failed.difference:.1e} "
        f"(limit {failed.limit:.0e}{own}); own_rounding=True, --own-rounding, allows four times its own"
    )
    return (words,)


def verify(
    first: Any, second: Any, *, over: Any = None, data: Any = None, own_rounding: bool = False
) -> Agreement:
    """Compare any two networks with the same inputs and outputs, on random and given inputs.

    Args:
        first: as for `simplify`.
        second: likewise; its float64 figure holds the rounding of its weights.
        over: likewise.
        data: likewise.
        own_rounding: likewise.
    """
    one, other = (original_of(model, data, over) for model in (first, second))
    if [t.name for t in one.inputs] != [t.name for t in other.inputs]:
        raise InvalidInputError("expected two networks with the same inputs, got others; rename them")
    subject = prepared(one, over, data)
    return compare(subject.model, file_of(other), None, feeds_for(subject, []), own_rounding=own_rounding)


def _ranges(
    subject: Subject, *, effort: Effort, seconds: float, silent: bool
) -> tuple[tuple[str, ...], list[Range]]:
    notes: list[str] = []
    found: list[Range] = []
    if subject.box is not None:
        found, missing = proven_ranges(subject.network, subject.box, linear=effort != "interval")
        notes += missing
        if effort == "exact":
            found, words = tightened(
                subject.network, subject.box, found, given=subject.given, seconds=seconds
            )
            notes.append(words)
    if silent:
        if not subject.given:
            raise InvalidInputError("expected data to find silent units on, got none; give data=")
        found += silent_ranges(subject.network, subject.given)
        count = sum(len(next(iter(feed.values()))) for feed in subject.given)
        notes.append(
            f"units silent on {count} samples were removed: not proven; with 95 % confidence each is on for less than "
            f"{min(1.0, 3 / count):.2g} of such inputs"
        )
    if not _floating(subject):
        notes.append("left as it is: its weights are not all float32 or all float64")
    return tuple(notes), found


def _reduced(subject: Subject, ranges: list[Range], bold: int) -> tuple[Network, list[Removal]]:
    """Take out what can go: layers that are merged round otherwise, and most so where a scale stands before them."""
    if not _floating(subject):
        return subject.network, []
    network, removed, known = settle(subject.network, shapes_in_run(subject.network, subject.shapes), ranges)
    for _ in range(_ROUNDS):
        count = len(removed)
        network, dropped = drop_identities(network)
        merged: list[Removal] = []
        if bold:
            network, merged = merge_layers(
                network, shapes_in_run(network, subject.shapes), before=bold == _BOLDNESS[0]
            )
        network, gone, known = remove_units(network, shapes_in_run(network, subject.shapes), known)
        removed = [*removed, *dropped, *merged, *gone]
        if len(removed) == count and bold == _BOLDNESS[0] and subject.box is not None:
            network, absorbed, known = absorb(network, known, subject.box)
            removed += absorbed
        if len(removed) == count:
            break
    anew, reasons = shortened(network)
    if bold == _BOLDNESS[0] and reasons and not _grown(subject, anew):
        removed += [Removal(kind="merged", node=name, reason=reason) for name, reason in reasons.items()]
        network = anew
    return network, removed


def _floating(subject: Subject) -> bool:
    kinds = floating_types(subject.model)
    return kinds.issubset(_FLOATS) and len(kinds) <= 1


def _grown(subject: Subject, smaller: Network) -> bool:
    """Return whether it stores more than the original, as where a weight that nodes share was changed for some."""
    return (
        size_of(smaller, model_of(smaller), None).parameters
        > size_of(subject.network, subject.model, None).parameters
    )


def _checked(subject: Subject, smaller: Network, feeds: Feeds, *, own_rounding: bool) -> Agreement:
    wide = model_of(smaller, dtype=np.float64)
    return compare(subject.model, model_of(smaller), wide, feeds, own_rounding=own_rounding)


def _result(
    subject: Subject, smaller: Network, removed: list[Removal], agreement: Agreement, notes: tuple[str, ...]
) -> Simplification:
    after = model_of(smaller)
    made = network_of(after, name=subject.network.name) if removed else subject.network
    # the weights stay float64 until they are written
    exact = replace(smaller, name=subject.network.name, parameters=made.parameters)
    seconds = seconds_of([subject.model, after], subject.feed)
    return Simplification(
        network=exact,
        removed=tuple(removed),
        before=size_of(subject.network, subject.model, seconds[0]),
        after=size_of(exact, after, seconds[1]),
        agreement=agreement,
        box="" if subject.box is None else words_of(subject.box),
        notes=notes,
    )
