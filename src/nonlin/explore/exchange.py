"""Weights and points as JSON, the same file that the page saves and loads."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nonlin.errors import InvalidInputError, MissingInputError
from nonlin.explore.layers import chain
from nonlin.functions import function
from nonlin.networks import Network, Node, Tensor
from nonlin.networks.activation import Activation
from nonlin.networks.affine import Dense

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nonlin.networks.array import Array

__all__ = ["PANELS", "Exploration", "load", "save"]

FORMAT = "nonlin-explore/1"
PANELS = ("function", "linear", "line", "plane", "fit", "vanishing", "network")
_MOST_WEIGHTS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exploration:
    """What a panel of the page holds.

    Args:
        panel: which.
        state: its settings, as they stand in the address.
        network: the network that it shows, in float64; None where it shows none.
        points: shape (points, 2), float64; None where there are none.
        labels: shape (points,), 1 or −1; None where there are none.
    """

    panel: str
    state: Mapping[str, Any] = field(default_factory=dict)
    network: Network | None = None
    points: Array | None = None
    labels: Array | None = None


def load(path: str | Path) -> Exploration:
    """Read a file that the page saved.

    Raises:
        MissingInputError: there is no such file.
        InvalidInputError: it is not one that the page saves.
    """
    place = Path(path)
    if not place.is_file():
        raise MissingInputError(
            f"expected a JSON file that the page saved, but there is no {place}; check the path"
        )
    try:
        found = json.loads(place.read_text(encoding="utf-8"))
        return _read(found)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        if isinstance(error, InvalidInputError):
            raise
        raise InvalidInputError(
            f"expected JSON that the page saved in {place}, got something else ({error}); save it again there"
        ) from error


def save(path: str | Path, exploration: Exploration) -> Path:
    """Write a file that the page loads.

    Args:
        path: where to.
        exploration: its network must be a chain of dense layers and ReLUs; for the panel "line" with 1 input, for
            "plane" with 2, and 1 output.

    Raises:
        InvalidInputError: another network, or no such panel.
    """
    if exploration.panel not in PANELS:
        raise InvalidInputError(
            f"expected a panel of {', '.join(PANELS)}, got {exploration.panel!r}; use one of them"
        )
    made: dict[str, Any] = {"format": FORMAT, "panel": exploration.panel, "state": dict(exploration.state)}
    if exploration.network is not None:
        made["network"] = _written(exploration.network)
    for name in ("points", "labels"):
        values = getattr(exploration, name)
        if values is not None:
            made[name] = np.asarray(values, np.float64).tolist()
    place = Path(path)
    place.write_text(json.dumps(made, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return place


def _read(found: Any) -> Exploration:
    if not isinstance(found, dict) or found.get("format") != FORMAT or found.get("panel") not in PANELS:
        raise InvalidInputError(
            f"expected the format {FORMAT} and a panel of the page, got others; save it again there"
        )
    arrays = {
        name: np.array(found[name], np.float64) if name in found else None for name in ("points", "labels")
    }
    network = _network(found["network"]) if "network" in found else None
    return Exploration(panel=found["panel"], state=found.get("state", {}), network=network, **arrays)


def _network(layers: list[dict[str, Any]]) -> Network:
    nodes: list[Node] = []
    last, parameters = "x", 0
    for number, layer in enumerate(layers):
        dense = Dense(weight=np.array(layer["weight"], np.float64), bias=np.array(layer["bias"], np.float64))
        parameters += dense.parameters
        nodes.append(Node(name=f"dense{number}", operator=dense, inputs=(last,), output=f"affine{number}"))
        last = f"affine{number}"
        if layer["activation"] is not None:
            call = Activation(function=function(layer["activation"]))
            nodes.append(Node(name=f"call{number}", operator=call, inputs=(last,), output=f"called{number}"))
            last = f"called{number}"
    inputs, outputs = (len(layers[0]["weight"][0]), len(layers[-1]["bias"]))
    return Network(
        name="network of the page",
        inputs=(Tensor(name="x", shape=(None, inputs), dtype="float64"),),
        outputs=(Tensor(name=last, shape=(None, outputs), dtype="float64"),),
        nodes=tuple(nodes),
        parameters=parameters,
    )


def _written(network: Network) -> list[dict[str, Any]]:
    shape = network.inputs[0].shape[1:]
    layers = None if None in shape else chain(network, tuple(n or 0 for n in shape), most=_MOST_WEIGHTS)
    relu = ([0.0], [(0.0, 0.0), (1.0, 0.0)])
    if layers is None or any(
        p is not None and (p.cuts, p.lines) != relu for p in (layer.pieces for layer in layers)
    ):
        raise InvalidInputError(
            f"expected a chain of dense layers and ReLUs, got {network.name}; the page holds only those"
        )
    return [
        {
            "weight": layer.weight.tolist(),
            "bias": layer.bias.tolist(),
            "activation": None if layer.pieces is None else "relu",
        }
        for layer in layers
    ]
