"""A planted case, as a value."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Expected", "Planted"]

Expected = tuple[str, str]
"""The kind of a finding and the name of the call, or of the layers of a collapse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A small network with one fault, or none.

    Args:
        name: of the case, such as "mlp-relu-shared-dead".
        architecture: "mlp", "cnn", "sequence", "lstm", "attention" or "residual".
        function: the activation, by its name in the catalogue.
        form: how it is called: "module", "functional", "shared", "inplace" or "decomposed".
        fault: "dead", "saturated", "linear", "collapse", "low-rank", "vanishing", "exploding" or "nonfinite";
            "healthy" or "sparse" for a control.
        expected: the warnings and errors that a tool must raise, and no others; empty for a control.
        build: makes the torch.nn.Module, the same one every time, and leaves the random state as it was.
        data: makes the batch, a tensor of shape (samples, ...), likewise.
    """

    name: str
    architecture: str
    function: str
    form: str
    fault: str
    expected: frozenset[Expected]
    build: Callable[[], Any]
    data: Callable[[], Any]
