"""Reading and opening the log of a watched run, in either form."""

from pathlib import Path

from nonlin.inspection.watching.history import History, Record
from nonlin.inspection.watching.log_file import LogFile, read_lines
from nonlin.inspection.watching.parquet_log import ParquetLog, is_parquet, read_parquet
from nonlin.inspection.watching.trackers import Destination

__all__ = ["open_log", "read_log"]


def read_log(path: str | Path) -> History:
    """Read the log of a watched run, also while it runs or after it was killed.

    A last line that was cut off in the middle is left out. Where a run was started anew, or from an older checkpoint,
    the steps that come again take the place of the old ones and of all after them.

    Args:
        path: what `watch(..., path=...)` wrote: a file of JSON lines, or a folder of Parquet files.

    Raises:
        MissingInputError: if there is no such file.
        InvalidInputError: if a line before the last is not a record.
        MissingDependencyError: a folder of Parquet files, and no pyarrow.
    """
    path = Path(path)
    return _latest(read_parquet(path) if path.is_dir() else read_lines(path))


def open_log(path: str | Path) -> Destination:
    """Open a log for adding to it: a folder of Parquet files where its name ends in .parquet, else JSON lines.

    Raises:
        MissingInputError: if the folder around it does not exist.
        InvalidInputError: if the file is there and is no log.
        MissingDependencyError: Parquet without pyarrow.
    """
    return ParquetLog(path) if is_parquet(path) else LogFile(path)


def _latest(history: History) -> History:
    kept: list[Record] = []
    of_step: set[str] = set()
    for record in history:
        again = bool(kept) and record.step == kept[-1].step and record.call in of_step
        if again or (kept and record.step < kept[-1].step):
            kept = [old for old in kept if old.step < record.step]
        if not kept or record.step != kept[-1].step:
            of_step = set()
        kept.append(record)
        of_step.add(record.call)
    return History(kept)
