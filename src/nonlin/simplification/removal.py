"""What was taken out of a network, and why nothing changed by it."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Certificate", "Kind", "Removal"]

Kind = Literal["identity", "merged", "unread", "constant", "duplicate", "always on", "silent"]
Certificate = Literal["structure", "interval", "linear", "samples"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """One step of a simplification.

    Args:
        kind: what it was.
        node: the name of the node that is gone, or is smaller.
        units: which of its units, as they were numbered in the network that was given where that is known, else
            numbered in the network before this step; empty where it is the whole node.
        reason: in words.
        certificate: "structure" holds for every input; "interval" and "linear" are bounds over the box, rounded
            outwards; "samples" is no proof.
    """

    kind: Kind
    node: str
    units: tuple[int, ...] = ()
    reason: str
    certificate: Certificate = "structure"

    @property
    def proven(self) -> bool:
        """Whether it is proven that nothing changes."""
        return self.certificate != "samples"
