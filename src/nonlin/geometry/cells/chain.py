"""A piecewise linear network as a chain of stages: an exact affine map of all live numbers, then single ones bend."""

from dataclasses import dataclass

import numpy as np

from nonlin.geometry.bends import Bends
from nonlin.networks.array import Array

__all__ = ["Chain", "Entries", "Stage"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Entries:
    """The entries of a sparse matrix; several at one place add up, in real arithmetic.

    Args:
        rows, columns: where, integers of shape (entries,).
        values: float64, finite.
    """

    rows: Array
    columns: Array
    values: Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stage:
    """One step from numbers to numbers: z = (W x + b) / d, then each z that bends is put through its function.

    Args:
        inputs: how many numbers come in.
        units: how many go out.
        matrix: W, a dense array of shape (units, inputs) or its entries.
        bias: b, shape (units,).
        divisor: d, whole numbers of shape (units,), from the means of pools; 1 elsewhere.
        bends: the functions.
        bend: for each unit the number of its function, −1 for one that does not bend; shape (units,).
        windows: for a stage of pooling, which units each window holds; the windows' maxima then stand behind the first
            `kept` units, which only pass. Empty elsewhere.
        kept: how many units a stage of pooling passes on.
        call: the name of the node that bends, or of the last one that is in here.
        bent_by: the calls that bend here, each with the units that are its pre-activation, in its order.
    """

    inputs: int
    units: int
    matrix: "Array | Entries"
    bias: Array
    divisor: Array
    bends: tuple[Bends, ...] = ()
    bend: Array
    windows: tuple[Array, ...] = ()
    kept: int = 0
    call: str = ""
    bent_by: tuple[tuple[str, Array], ...] = ()

    @property
    def outputs(self) -> int:
        """How many numbers the next stage reads."""
        return self.kept + len(self.windows) if self.windows else self.units

    @property
    def weights(self) -> int:
        """How many numbers the matrix has."""
        return len(self.matrix.values) if isinstance(self.matrix, Entries) else int(self.matrix.size)

    @property
    def folds(self) -> bool:
        """Whether anything bends here."""
        return bool(self.windows) or bool(np.any(self.bend >= 0))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chain:
    """A whole network.

    Args:
        inputs: how many numbers one sample has.
        stages: in order.
        outputs: which of the last numbers are the network's first output, flattened; −1 for a constant 0.
    """

    inputs: int
    stages: tuple[Stage, ...]
    outputs: Array

    @property
    def folding(self) -> int:
        """How many stages there are up to the last that bends."""
        return max((i + 1 for i, stage in enumerate(self.stages) if stage.folds), default=0)
