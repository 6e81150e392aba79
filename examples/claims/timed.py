"""What functions cost on this machine, measured once."""

from functools import cache

import nonlin
from nonlin.functions.cost import Cost, measure

__all__ = ["costs"]


@cache
def costs() -> tuple[Cost, ...]:
    """Return the costs of ReLU, sigmoid and tanh."""
    return measure([nonlin.function(name) for name in ("relu", "sigmoid", "tanh")])
