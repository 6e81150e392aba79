"""What the rules of other tools rest on, besides what every inspection measures."""

from dataclasses import dataclass

__all__ = ["Measurements", "WeightGradient"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightGradient:
    """The gradient of the mean loss with respect to the weights of one layer, and the weights' own variance.

    Args:
        layer: its name.
        entries: how many there are.
        zeros: how many are exactly 0.
        mean_size: the mean of abs(g).
        norm: the Euclidean norm.
        weight_variance: of the weights.
    """

    layer: str
    entries: int
    zeros: int
    mean_size: float
    norm: float
    weight_variance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """The gradients of the weights, in the order of the layers."""

    gradients: tuple[WeightGradient, ...]
