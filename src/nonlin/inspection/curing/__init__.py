"""Causes of what an inspection found, and cures that have been tried."""

from nonlin.inspection.curing.change import Cause, Change

__all__ = ["Cause", "Change"]
