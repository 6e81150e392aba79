"""Every threshold of the verdicts, each with its reason; a user may change any of them."""

from dataclasses import dataclass

__all__ = ["DEAD_SLOPE", "FLAT_SLOPE", "NEAR_ZERO", "RESTING_OUTPUT", "TINY", "Thresholds"]

DEAD_SLOPE = 1e-3
"""A unit whose relative slope is never above this gets at most a thousandth of the gradient: dead."""

FLAT_SLOPE = 1e-2
"""Below this relative slope a value counts as lying on a flat part of the function."""

RESTING_OUTPUT = 1e-2
"""On a flat part, an output of at most this size counts as 0: the unit is at rest. GELU, SiLU and Mish reach
their flat part with outputs of 2e-3 to 8e-3."""

TINY = 1e-5
"""TheDeepChecker's size of an output that counts as none."""

NEAR_ZERO = 0.05
"""fastai's bound of a layer's output that counts as near 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """From which figure on something is a finding.

    Args:
        dead: share of a call's units that are dead.
        dead_layer: share of dead units from which the finding is an error and not a warning.
        least_samples: with fewer samples than this, a unit without a gradient is only noted: it may fire on others.
        saturated_values: share of a unit's values on a flat part from which the unit is saturated.
        saturated: share of a call's units that are saturated.
        constant_slope: the spread of a unit's relative slope up to which it acts linearly on the data.
        linear: share of a call's live units that act linearly, from which the call as a whole does.
        few: share of a call's units from which some linear or dormant ones are worth a note.
        vanishing: RMS gradient at a call, relative to that at the last call, under which it has vanished.
        exploding: the same, above which it has exploded.
        large_output: mean abs(output) above which a call's output has exploded (AutoTrainer's rule, times 10).
        uncentred: abs(mean) / standard deviation of a call's outputs above which they are not centred.
        dormant: E abs(h) relative to the layer's mean under which a unit is dormant (Sokar et al. 2023).
        massive: abs(output) that counts as massive if it is also `massive_ratio` times the call's root mean square
            (after Sun et al. 2024).
        massive_ratio: see `massive`.
        low_rank: the effective rank of a call's outputs up to which it is too low: a ReLU makes two directions of a
            pre-activation that has only one.
        rich_rank: the effective rank that the inputs must have before a call is blamed for its own.
    """

    dead: float = 0.05
    dead_layer: float = 0.5
    least_samples: int = 30
    saturated_values: float = 0.5
    saturated: float = 0.2
    constant_slope: float = 1e-2
    linear: float = 1.0
    few: float = 0.1
    vanishing: float = 1e-3
    exploding: float = 1e3
    large_output: float = 1e2
    uncentred: float = 2.0
    dormant: float = 0.025
    massive: float = 100.0
    massive_ratio: float = 1000.0
    low_rank: float = 2.5
    rich_rank: float = 5.0
