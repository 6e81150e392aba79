"""See, measure and choose the non-linearity in neural networks."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

# at once and not lazily: the room `functions` and the catalogue `functions()` share a name, and the catalogue must win
from nonlin.functions import Function, define, function, functions

if TYPE_CHECKING:
    from nonlin import explore, geometry, testing
    from nonlin.experiments import Study, compare
    from nonlin.functions.initialization import gain, initialize_
    from nonlin.functions.linearity import linearity
    from nonlin.functions.torch_extension import build_extension
    from nonlin.geometry.approximation import approximate
    from nonlin.inspection import Inspection, Prediction, Thresholds, inspect, predict
    from nonlin.inspection.curing.cure import cure
    from nonlin.inspection.watching import read_log, watch
    from nonlin.inspection.watching.lightning import LightningWatch
    from nonlin.inspection.watching.trainer import TrainerWatch
    from nonlin.networks import Network, read
    from nonlin.networks.write import write
    from nonlin.simplification import Simplification, simplify

__all__ = [
    "Function",
    "Inspection",
    "LightningWatch",
    "Network",
    "Prediction",
    "Simplification",
    "Study",
    "Thresholds",
    "TrainerWatch",
    "approximate",
    "build_extension",
    "compare",
    "cure",
    "define",
    "explore",
    "function",
    "functions",
    "gain",
    "geometry",
    "initialize_",
    "inspect",
    "linearity",
    "predict",
    "read",
    "read_log",
    "simplify",
    "testing",
    "watch",
    "write",
]

_HOMES = {
    "Inspection": "nonlin.inspection",
    "LightningWatch": "nonlin.inspection.watching.lightning",
    "Network": "nonlin.networks",
    "Prediction": "nonlin.inspection",
    "Simplification": "nonlin.simplification",
    "Study": "nonlin.experiments",
    "Thresholds": "nonlin.inspection",
    "TrainerWatch": "nonlin.inspection.watching.trainer",
    "approximate": "nonlin.geometry.approximation",
    "build_extension": "nonlin.functions.torch_extension",
    "compare": "nonlin.experiments",
    "explore": "nonlin",
    "gain": "nonlin.functions.initialization",
    "cure": "nonlin.inspection.curing.cure",
    "geometry": "nonlin",
    "initialize_": "nonlin.functions.initialization",
    "inspect": "nonlin.inspection",
    "linearity": "nonlin.functions.linearity",
    "predict": "nonlin.inspection",
    "read": "nonlin.networks",
    "read_log": "nonlin.inspection.watching",
    "testing": "nonlin",
    "simplify": "nonlin.simplification",
    "watch": "nonlin.inspection.watching",
    "write": "nonlin.networks.write",
}
"""Where each public name lives that is imported only when it is first used."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'nonlin' has no attribute {name!r}")
    home = _HOMES[name]
    return import_module(f"nonlin.{name}") if home == "nonlin" else getattr(import_module(home), name)


def __dir__() -> list[str]:
    return __all__
