"""Watching a model while it trains. Importing this loads no PyTorch; `watch` needs it when it is called."""

from nonlin.inspection.watching.history import History, Record
from nonlin.inspection.watching.reading import read_log
from nonlin.inspection.watching.watch import watch

__all__ = ["History", "Record", "read_log", "watch"]
