"""What the page shows when no model is named."""

from __future__ import annotations

from typing import Any

from nonlin import demonstration
from nonlin.explore.network import embedded

__all__ = ["demonstrated"]


def demonstrated() -> dict[str, Any]:
    """Return the demonstration network with its data, for the panel "My network"."""
    return embedded(demonstration.model_path(), demonstration.data_path(), example=True)
