"""What the activations of a trained network do on data: recorded, measured, judged."""

from nonlin.inspection.inspect import inspect
from nonlin.inspection.recording import Progress
from nonlin.inspection.result import SEVERITIES, Call, Collapse, Finding, Folds, Inspection, Severity
from nonlin.inspection.thresholds import Thresholds

__all__ = [
    "SEVERITIES",
    "Call",
    "Collapse",
    "Finding",
    "Folds",
    "Inspection",
    "Progress",
    "Severity",
    "Thresholds",
    "inspect",
]
