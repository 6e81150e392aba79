"""The network that is simplified, made ready: with a file, with shapes, and with inputs to compare it on."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from nonlin.errors import InvalidInputError, UnsupportedModelError
from nonlin.networks import Network, network_of, read
from nonlin.networks.array import Array
from nonlin.networks.onnx_writer import model_of
from nonlin.simplification.adversary import adversarial
from nonlin.simplification.boxes import box_of
from nonlin.simplification.checking import Feeds
from nonlin.simplification.inputs import Box, feeds_of, given_feeds, random_feed
from nonlin.simplification.running import runner_of
from nonlin.simplification.stable import Range

__all__ = ["Subject", "feeds_for", "file_of", "original_of", "prepared"]

_SCALES = (1.0, 0.1, 10.0)
"""Of random inputs that no box bounds."""

_MOST_GIVEN = 256
"""Samples of a user's data that are compared."""

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
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
        """The file that it was read from."""
        return file_of(self.network)


def original_of(model: Any, data: Any = None, over: Any = None) -> Network:
    """Return a network with the file that it was read from, or the one that it would be written as."""
    if not isinstance(model, Network):
        example = next(iter(data.values())) if isinstance(data, Mapping) and data else data
        if example is None and over is not None:
            example = _sample(over)
        if example is None and hasattr(model, "state_dict"):
            raise InvalidInputError(
                "expected the shape of a sample to read a torch.nn.Module with, got none; give data=, or over= with "
                "arrays of that shape"
            )
        model = read(Path(model) if isinstance(model, str) else model, example)
    return model if model.origin is not None else network_of(model_of(model), name=model.name)


def _sample(over: Any) -> Array | None:
    """Return samples of the shape of a box; None where numbers bound every entry."""
    pair = next(iter(over.values()), ()) if isinstance(over, Mapping) else over
    try:
        shape = np.broadcast_shapes(*(np.shape(end) for end in pair))
    except (TypeError, ValueError):  # said by what reads the box
        return None
    return np.zeros((2, *shape), np.float32) if shape else None


def file_of(network: Network) -> onnx.ModelProto:
    """Return the file that a network of `original_of` was read from."""
    assert network.origin is not None  # noqa: S101 - original_of has made one
    model = network.origin.model
    assert isinstance(model, onnx.ModelProto)  # noqa: S101 - as the origin is documented
    return model


def prepared(network: Network, over: Any, data: Any) -> Subject:
    """Run a network once, so that its shapes are known.

    Raises:
        InvalidInputError: if the box or the data does not fit.
        UnsupportedModelError: if it takes none of the inputs that are tried.
    """
    box = None if over is None else box_of(network, over)
    arrays = None if data is None else _arrays(data)
    given = [] if arrays is None else given_feeds(network.inputs, arrays, most=_MOST_GIVEN)
    watched = onnx.ModelProto()
    watched.CopyFrom(file_of(network))
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
        return Subject(network=network, box=box, given=given, feed=feed, shapes=shapes)
    raise UnsupportedModelError(
        f"expected to run {network.name} to check what is done to it, but it takes none of the inputs that were tried "
        f"({reason[:200]}); give some with data="
    )


def feeds_for(subject: Subject, ranges: list[Range]) -> Feeds:
    """Return what a network is compared on: random, given and, over a box, adversarial inputs."""
    inputs, rng = subject.network.inputs, np.random.default_rng(7)
    like = {name: x.shape for name, x in subject.feed.items()}
    random = [subject.feed]
    for scale in _SCALES:
        feed = random_feed(inputs, subject.box, rng)
        free = {
            t.name
            for t in inputs
            if (subject.box is None or t.name not in subject.box) and t.dtype.startswith("float")
        }
        random.append(
            {
                name: (np.resize(x, like[name]) * (scale if name in free else 1)).astype(x.dtype)
                if x.dtype.kind == "f"
                else subject.feed[name]
                for name, x in feed.items()
            }
        )
    feeds: dict[str, list[dict[str, Array]]] = {"random": random}
    if subject.given:
        feeds["given"] = subject.given
    feeds |= _hostile(subject, ranges)
    return feeds


def _hostile(subject: Subject, ranges: list[Range]) -> dict[str, list[dict[str, Array]]]:
    if subject.box is None:
        return {}
    start = {
        name: x[:1].astype(np.float64) if name in subject.box else x[:1] if x.ndim else x
        for name, x in subject.feed.items()
    }
    found = adversarial(subject.network, ranges, subject.box, start)
    if found is None:
        return {}
    batch = len(next(iter(subject.feed.values())))
    count = len(next(iter(found.values())))
    return {
        "adversarial": [
            {name: found[name][i : i + batch].astype(x.dtype) for name, x in subject.feed.items()}
            for i in range(0, count - count % batch, batch)
        ]
    }


def _arrays(data: Any) -> dict[str, Array]:
    if isinstance(data, Mapping):
        return {str(name): np.asarray(x) for name, x in data.items()}
    return {"data": np.asarray(data)}
