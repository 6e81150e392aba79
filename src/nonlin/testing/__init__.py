"""Small networks with planted faults, and healthy ones: what a tool that judges activations must tell apart.

Importing this loads no PyTorch; `faults` needs it when it is called.
"""

from nonlin.testing.planted import Expected, Planted
from nonlin.testing.planting import faults

__all__ = ["Expected", "Planted", "faults"]
