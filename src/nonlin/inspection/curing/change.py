"""What may cause a finding, and what can be changed about it: data, no work."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Cause", "Change", "ChangeKind", "Likelihood", "in_words"]

Likelihood = Literal["likely", "possible", "unlikely"]

ChangeKind = Literal[
    "balance",
    "exchange",
    "initialise",
    "insert",
    "merge",
    "normalise",
    "reinitialise",
    "replace",
    "rescale",
    "revive",
    "shift",
    "standardise",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change to one place of a network.

    Args:
        kind: "standardise" the network's input; "shift" the biases so that the pre-activations have mean 0; "revive":
            the same for some units, whose outgoing weights become 0; "rescale" weights and biases so that the
            pre-activations have standard deviation 1; "normalise": both, unit by unit; "reinitialise": draw anew, then
            the same; "balance": rescale, and the next layer's weights the other way; "initialise": rescale every layer,
            in forward order (Mishkin and Matas 2016, All you need is a good init); "exchange" the function; "replace":
            the same at every call of it, then "initialise"; "merge" affine layers into one; "insert" a function between
            them.
        call: the call concerned, "" for the input.
        layer: its affine layer, None where there is none.
        units: the units concerned, empty for all.
        function: to exchange or to insert; empty for other kinds.
        layers: of a collapse; or the calls of a function to replace.
        unit_axis: of the layer's output; None where code that can be pasted does not reach the layer.
    """

    kind: ChangeKind
    call: str = ""
    layer: str | None = None
    units: tuple[int, ...] = ()
    function: str = ""
    layers: tuple[str, ...] = ()
    unit_axis: int | None = None

    @property
    def place(self) -> str:
        """Where it is made, in words."""
        if self.kind == "replace":
            return f"all {len(self.layers)} calls of that function"
        if self.layers:
            return " and ".join(self.layers)
        return f"{len(self.units)} units of {self.call}" if self.units else self.call

    @property
    def words(self) -> str:
        """The change in words."""
        return in_words(self.kind, self.function, self.place)


def in_words(kind: ChangeKind, function: str, place: str) -> str:
    """Return a change at one place or several in words."""
    return {
        "standardise": "standardise the input",
        "shift": f"shift the biases at {place} to mean 0",
        "revive": f"shift the biases of {place} to mean 0, their outgoing weights 0",
        "rescale": f"rescale {place} to standard deviation 1",
        "normalise": f"normalise {place}, unit by unit",
        "reinitialise": f"draw the weights of {place} anew",
        "balance": f"rescale {place} to standard deviation 1, the next layer the other way",
        "initialise": "rescale every layer to standard deviation 1, in forward order",
        "exchange": f"{function} at {place}",
        "replace": f"{function} at {place}, then rescale every layer to standard deviation 1",
        "merge": f"merge {place} into one layer",
        "insert": f"{function} between {place}",
    }[kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Something that may have led to a finding, with what speaks for it.

    Args:
        name: "input scale", "learning rate", "initialisation", "function" or "architecture".
        likelihood: "likely" where the figure that tells it apart is out of its range, "unlikely" where that is
            within, "possible" where no figure decides.
        figure, limit: the figure, and from where on it is out of range; None where there is none.
        evidence: the measurement in words.
        change: what to change, in words; it has not been tried.
        code: the change as code to paste, with `model` and a batch `x`; empty where there is none.
        proposals: the change as data, the first of them first.
    """

    name: str
    likelihood: Likelihood
    figure: float | None
    limit: float | None
    evidence: str
    change: str
    code: str
    proposals: tuple[Change, ...] = ()
