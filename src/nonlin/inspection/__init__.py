"""What the activations of a trained network do on data: recorded, measured, judged."""

from nonlin.inspection.comparison import CallChange, Changes, changes, read_report
from nonlin.inspection.inspect import inspect
from nonlin.inspection.prediction import PredictedCall, Prediction, predict
from nonlin.inspection.recording import Progress
from nonlin.inspection.result import SEVERITIES, Call, Collapse, Finding, Folds, Inspection, Kind, Severity
from nonlin.inspection.thresholds import Thresholds

__all__ = [
    "SEVERITIES",
    "Call",
    "CallChange",
    "Changes",
    "Collapse",
    "Finding",
    "Folds",
    "Inspection",
    "Kind",
    "PredictedCall",
    "Prediction",
    "Progress",
    "Severity",
    "Thresholds",
    "changes",
    "inspect",
    "predict",
    "read_report",
]
