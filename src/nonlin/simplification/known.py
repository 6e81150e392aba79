"""What is known of the units of a network beyond its structure, and how."""

from dataclasses import dataclass, field, replace

import numpy as np

from nonlin.networks.array import Array
from nonlin.simplification.removal import Certificate

__all__ = ["Known", "Proofs"]

Proofs = tuple[Certificate | None, ...]
"""How something is known of each channel; None where it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of tensors, by their names.

    Args:
        values: the value of each channel, NaN where none is known.
        certificates: how each is known.
        straight: of calls: how each channel is known to be on the last, straight piece.
    """

    values: dict[str, Array] = field(default_factory=dict)
    certificates: dict[str, Proofs] = field(default_factory=dict)
    straight: dict[str, Proofs] = field(default_factory=dict)

    def kept(self, name: str, keep: Array, *, added: int = 0) -> "Known":
        """Return the same after channels of a tensor went, and others came of which nothing is known."""
        more: Proofs = (None,) * added

        def proofs(table: dict[str, Proofs]) -> dict[str, Proofs]:
            if name not in table:
                return table
            left = tuple(proof for proof, stays in zip(table[name], keep, strict=True) if stays)
            return {**table, name: left + more}

        values = self.values
        if name in values:
            values = {**values, name: np.concatenate([values[name][keep], np.full(added, np.nan)])}
        return replace(
            self, values=values, certificates=proofs(self.certificates), straight=proofs(self.straight)
        )
