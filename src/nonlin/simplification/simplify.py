"""Simplifies a network without changing what it computes, and checks that before it hands it out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx

from nonlin.errors import InvalidInputError, UnsupportedModelError
from nonlin.networks import Network, network_of, read
from nonlin.networks.array import Array
from nonlin.networks.onnx_writer import floating_types, model_of, shortened
from nonlin.simplification.absorption import absorb
from nonlin.simplification.adversary import adversarial
from nonlin.simplification.boxes import box_of, words_of
from nonlin.simplification.checking import Feeds, compare
from nonlin.simplification.exact import tightened
from nonlin.simplification.identities import drop_identities
from nonlin.simplification.inputs import Box, feeds_of, given_feeds, random_feed
from nonlin.simplification.merging import merge_layers
from nonlin.simplification.ranges import proven_ranges, silent_ranges
from nonlin.simplification.removal import Removal
from nonlin.simplification.result import Agreement, Simplification
from nonlin.simplification.running import runner_of
from nonlin.simplification.shapes import shapes_in_run
from nonlin.simplification.sizes import seconds_of, size_of
from nonlin.simplification.stable import Range, settle
from nonlin.simplification.units import remove_units

__all__ = ["Effort", "original_of", "simplify", "verify"]

Effort = Literal["interval", "linear", "exact"]

_ROUNDS = 20
_RANDOM = 3
_MOST_GIVEN = 256
_FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE)

Shape = tuple[int, ...]


def simplify(
    model: Any,
    *,
    over: Any = None,
    data: Any = None,
    silent: bool = False,
    effort: Effort = "linear",
    seconds: float = 60.0,
) -> Simplification:
    """Remove what a network does not need, and check that nothing changed.

    Args:
        model: the path of an ONNX file, a `Network`, or a `torch.nn.Module` (then `data` is needed to read it).
        over: the box of inputs for which it shall hold: (low, high), numbers or arrays of the shape of a sample, or for
            several inputs a mapping of such pairs by name; None for all inputs.
        data: inputs to check on too: an array, or a mapping of arrays by the name of the input.
        silent: whether units go that are on one flat piece on all of `data`. That is no proof.
        effort: how the box is bounded: by "interval" arithmetic, then by "linear" functions of the input, then by
            "exact" (mixed-integer) bounds of what is still undecided.
        seconds: for exact bounds; what is not decided then stays.

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
    network = original_of(model, data)
    box = None if over is None else box_of(network, over)
    given = None if data is None else _arrays(data)
    job = _prepare(network, box, given)
    notes, ranges = _ranges(job, effort=effort, seconds=seconds, silent=silent)
    failed: Agreement | None = None
    for bold in (True, False):
        smaller, removed = _reduced(job, ranges, bold=bold)
        if removed and _grown(job, smaller):
            if bold:
                continue
            notes += ("left as it is: weights that several nodes share would be stored once for each",)
            removed = []
        if not removed:
            smaller = network
        agreement = _checked(job, smaller, ranges, only_given=silent)
        if agreement.holds:
            return _result(job, smaller, removed, agreement, notes)
        failed = agreement
    assert failed is not None  # noqa: S101 - the loop ran
    raise UnsupportedModelError(
        f"expected a simplification of {network.name} that agrees within {failed.limit:.1e}, got "
        f"{failed.difference:.1e} (in float64: "
        f"{failed.reason or failed.difference_float64}); nothing is written: report this network"
    )


def verify(first: Any, second: Any, *, over: Any = None, data: Any = None) -> Agreement:
    """Compare any two networks with the same inputs and outputs, on random and given inputs.

    Args:
        first: as for `simplify`.
        second: likewise; its float64 figure holds the rounding of its weights.
        over: likewise.
        data: likewise.
    """
    one, other = original_of(first, data), original_of(second, data)
    if [t.name for t in one.inputs] != [t.name for t in other.inputs]:
        raise InvalidInputError("expected two networks with the same inputs, got others; rename them")
    job = _prepare(one, None if over is None else box_of(one, over), None if data is None else _arrays(data))
    return compare(job.model, _model(other), None, _feeds(job, []))


def original_of(model: Any, data: Any = None) -> Network:
    """Return a network with the file that it was read from, or the one that it would be written as."""
    if not isinstance(model, Network):
        example = next(iter(data.values())) if isinstance(data, Mapping) and data else data
        model = read(Path(model) if isinstance(model, str) else model, example)
    return model if model.origin is not None else network_of(model_of(model), name=model.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """A network made ready: it has run once.

    Args:
        network: the original.
        box, given: over which inputs, and which the user gave.
        feed: one that runs.
        shapes: of its inputs, and of what operators make that are not understood.
    """

    network: Network
    box: Box | None
    given: list[dict[str, Array]]
    feed: dict[str, Array]
    shapes: dict[str, Shape]

    @property
    def model(self) -> onnx.ModelProto:
        return _model(self.network)


def _model(network: Network) -> onnx.ModelProto:
    assert network.origin is not None  # noqa: S101 - original_of has made one
    model = network.origin.model
    assert isinstance(model, onnx.ModelProto)  # noqa: S101 - as the origin is documented
    return model


def _prepare(network: Network, box: Box | None, arrays: Mapping[str, Array] | None) -> _Job:
    given = [] if arrays is None else given_feeds(network.inputs, arrays, most=_MOST_GIVEN)
    watched = onnx.ModelProto()
    watched.CopyFrom(_model(network))
    made = {value.name for value in watched.graph.output}
    extra = [n for node in network.opaque for n in (node.output, *node.extra_outputs) if n not in made]
    watched.graph.output.extend(onnx.ValueInfoProto(name=name) for name in dict.fromkeys(extra))
    run, reason = runner_of(watched), ""
    for feed in [*given[:1], *feeds_of(network.inputs, box, np.random.default_rng(0))]:
        try:
            values = run(feed)
        except Exception as error:  # noqa: BLE001 - a runtime's errors have no common base; the next feed may fit
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            continue
        shapes = {name: x.shape for name, x in feed.items()}
        shapes |= {value.name: x.shape for value, x in zip(watched.graph.output, values, strict=True)}
        return _Job(network=network, box=box, given=given, feed=feed, shapes=shapes)
    raise UnsupportedModelError(
        f"expected to run {network.name} to check what is done to it, but it takes none of the inputs that were tried "
        f"({reason[:200]}); give some with data="
    )


def _ranges(
    job: _Job, *, effort: Effort, seconds: float, silent: bool
) -> tuple[tuple[str, ...], list[Range]]:
    notes: list[str] = []
    found: list[Range] = []
    if job.box is not None:
        found, missing = proven_ranges(job.network, job.box, linear=effort != "interval")
        notes += missing
        if effort == "exact":
            found, words = tightened(job.network, job.box, found, given=job.given, seconds=seconds)
            notes.append(words)
    if silent:
        if not job.given:
            raise InvalidInputError("expected data to find silent units on, got none; give data=")
        found += silent_ranges(job.network, job.given)
        count = sum(len(next(iter(feed.values()))) for feed in job.given)
        notes.append(
            f"units silent on {count} samples were removed: not proven; with 95 % confidence each is on for less than "
            f"{min(1.0, 3 / count):.2g} of such inputs"
        )
    kinds = floating_types(job.model)
    if not kinds.issubset(_FLOATS) or len(kinds) > 1:
        notes.append("left as it is: its weights are not all float32 or all float64")
    return tuple(notes), found


def _reduced(job: _Job, ranges: list[Range], *, bold: bool) -> tuple[Network, list[Removal]]:
    """Take out what can go; what changes the rounding most only if bold."""
    kinds = floating_types(job.model)
    if not kinds.issubset(_FLOATS) or len(kinds) > 1:
        return job.network, []
    network, removed, known = settle(job.network, shapes_in_run(job.network, job.shapes), ranges)
    for _ in range(_ROUNDS):
        count = len(removed)
        network, dropped = drop_identities(network)
        network, merged = merge_layers(network, shapes_in_run(network, job.shapes), before=bold)
        network, gone, known = remove_units(network, shapes_in_run(network, job.shapes), known)
        removed = [*removed, *dropped, *merged, *gone]
        if len(removed) == count and bold and job.box is not None:
            network, absorbed, known = absorb(network, known, job.box)
            removed += absorbed
        if len(removed) == count:
            break
    anew, reasons = shortened(network)
    if bold and reasons and not _grown(job, anew):
        removed += [Removal(kind="merged", node=name, reason=reason) for name, reason in reasons.items()]
        network = anew
    return network, removed


def _grown(job: _Job, smaller: Network) -> bool:
    """Return whether it stores more than the original, as where a weight that nodes share was changed for some."""
    return (
        size_of(smaller, model_of(smaller), None).parameters
        > size_of(job.network, job.model, None).parameters
    )


def _checked(job: _Job, smaller: Network, ranges: list[Range], *, only_given: bool) -> Agreement:
    wide = model_of(smaller, dtype=np.float64)
    feeds = {"given": job.given} if only_given else _feeds(job, ranges)
    return compare(job.model, model_of(smaller), wide, feeds)


def _feeds(job: _Job, ranges: list[Range]) -> Feeds:
    inputs, rng = job.network.inputs, np.random.default_rng(7)
    like = {name: x.shape for name, x in job.feed.items()}
    random = [job.feed]
    for scale in (1.0, 0.1, 10.0)[:_RANDOM]:
        feed = random_feed(inputs, job.box, rng)
        free = {
            t.name
            for t in inputs
            if (job.box is None or t.name not in job.box) and t.dtype.startswith("float")
        }
        random.append(
            {
                name: (np.resize(x, like[name]) * (scale if name in free else 1)).astype(x.dtype)
                if x.dtype.kind == "f"
                else job.feed[name]
                for name, x in feed.items()
            }
        )
    feeds: dict[str, list[dict[str, Array]]] = {"random": random}
    if job.given:
        feeds["given"] = job.given
    feeds |= _hostile(job, ranges)
    return feeds


def _hostile(job: _Job, ranges: list[Range]) -> dict[str, list[dict[str, Array]]]:
    if job.box is None or not ranges:
        return {}
    start = {
        name: x[:1].astype(np.float64) if name in job.box else x[:1] if x.ndim else x
        for name, x in job.feed.items()
    }
    found = adversarial(job.network, ranges, job.box, start)
    if found is None:
        return {}
    batch = len(next(iter(job.feed.values())))
    count = len(next(iter(found.values())))
    return {
        "adversarial": [
            {name: found[name][i : i + batch].astype(x.dtype) for name, x in job.feed.items()}
            for i in range(0, count - count % batch, batch)
        ]
    }


def _result(
    job: _Job, smaller: Network, removed: list[Removal], agreement: Agreement, notes: tuple[str, ...]
) -> Simplification:
    after = model_of(smaller)
    made = network_of(after, name=job.network.name) if removed else job.network
    # the weights stay float64 until they are written
    exact = replace(smaller, name=job.network.name, parameters=made.parameters)
    seconds = seconds_of([job.model, after], job.feed)
    return Simplification(
        network=exact,
        removed=tuple(removed),
        before=size_of(job.network, job.model, seconds[0]),
        after=size_of(exact, after, seconds[1]),
        agreement=agreement,
        box="" if job.box is None else words_of(job.box),
        notes=notes,
    )


def _arrays(data: Any) -> dict[str, Array]:
    if isinstance(data, Mapping):
        return {str(name): np.asarray(x) for name, x in data.items()}
    return {"data": np.asarray(data)}
