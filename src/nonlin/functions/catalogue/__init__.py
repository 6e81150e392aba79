"""Every activation function that has a name, each defined once."""

from nonlin.functions.catalogue.periodic import PERIODIC
from nonlin.functions.catalogue.piecewise_linear import PIECEWISE_LINEAR
from nonlin.functions.catalogue.rectifiers import RECTIFIERS
from nonlin.functions.catalogue.sigmoids import SIGMOIDS
from nonlin.functions.catalogue.smooth import SMOOTH
from nonlin.functions.catalogue.vectors import VECTORS

__all__ = ["ENTRIES"]

ENTRIES = {
    entry.name: entry for entry in (*PIECEWISE_LINEAR, *RECTIFIERS, *SMOOTH, *SIGMOIDS, *PERIODIC, *VECTORS)
}
"""Every entry by its canonical name."""
