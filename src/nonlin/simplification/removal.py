"""What was taken out of a network, and why nothing changed by it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

__all__ = ["Certificate", "Kind", "Removal", "weakest"]

Kind = Literal["identity", "merged", "unread", "constant", "duplicate", "always on", "silent"]
Certificate = Literal["structure", "interval", "linear", "exact", "samples"]
"""From what is seen at once to what is no proof."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """One step of a simplification.

    Args:
        kind: what it was.
        node: the name of the node that is gone, or is smaller.
        units: which of its units, as they were numbered in the network that was given where that is known, else
            numbered in the network before this step; empty where it is the whole node.
        reason: in words.
        certificate: "structure" holds for every input; "interval", "linear" and "exact" are bounds over the box,
            rounded outwards; "samples" is no proof.
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


def weakest(proofs: Iterable[Certificate | None]) -> Certificate:
    """Return the certificate of several things together."""
    return max((proof for proof in proofs if proof is not None), key=get_args(Certificate).index)
