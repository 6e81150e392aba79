"""Verdicts: what was measured against the thresholds. Every one carries its figure, its threshold and its sample."""

from nonlin.inspection.verdicts.figures import describe
from nonlin.inspection.verdicts.judging import findings, with_verdicts

__all__ = ["describe", "findings", "with_verdicts"]
