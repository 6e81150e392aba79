"""Controlled comparison of activation functions: the same network, data and budget, and honest statistics."""

from nonlin.experiments.comparison import compare
from nonlin.experiments.statistics import Pair
from nonlin.experiments.study import Row, Study
from nonlin.experiments.tasks import TASKS
from nonlin.experiments.trial import Health, Trial

__all__ = ["TASKS", "Health", "Pair", "Row", "Study", "Trial", "compare"]
