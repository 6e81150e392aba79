"""The linear region of one sample, in words and figures."""

import numpy as np

from nonlin.geometry import Region
from nonlin.results import number

__all__ = ["region_headline", "region_rows", "region_sentences"]

_NORMS = {"L1": 1, "L2": 2, "L∞": np.inf}


def region_headline(region: Region) -> str:
    """Return how many half-spaces there are, and how sure that is."""
    sure = "certified" if region.certified else f"not certified: {region.reason}"
    return f"a region within {len(region.offsets):,} half-spaces ({sure})"


def region_rows(region: Region) -> tuple[list[str], list[list[str]]]:
    """Return a row for each norm: the nearest fold, how far it is, and how far the decision holds at least."""
    rows = []
    for name, norm in _NORMS.items():
        fold = region.nearest(norm)
        which = f"{fold.call}, unit {fold.unit}" if fold.call else "none"
        rows.append([name, which, number(fold.distance, 6), number(region.margin(norm), 6)])
    return ["norm", "nearest fold", "distance", "decision holds within"], rows


def region_sentences(region: Region) -> list[str]:
    """Return the map and its decision at the sample."""
    values = region.map(region.x)
    best = int(np.argmax(values))
    steepest = float(np.linalg.norm(region.weight.reshape(len(values), -1)[best]))
    size = " × ".join(str(n) for n in region.weight.shape)
    return [
        f"Here the network is weight · x + bias, with a weight of {size}.",
        f"The largest output is {best}, {number(float(values[best]), 6)}; its slope is {number(steepest, 6)}.",
    ]
