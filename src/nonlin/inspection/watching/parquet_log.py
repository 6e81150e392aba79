"""A watched run as a folder of Parquet files, whole at every moment.

The steps at the end stand in a file of JSON lines, which pyarrow passes over for its leading underscore. When it is
long enough it becomes a part: the part gets its name in one act, and from then on its lines count no more.
"""

from __future__ import annotations

from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nonlin.errors import InvalidInputError, MissingDependencyError, MissingInputError
from nonlin.inspection.watching.history import History, Record
from nonlin.inspection.watching.log_file import LogFile, read_lines

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ParquetLog", "is_parquet", "read_parquet"]

_ROWS = 4096  # of a part; about a megabyte as lines
_PART, _TAIL = "part-*.parquet", "_tail-*.jsonl"
_KINDS = {"str": "string", "int": "int64", "float": "float64"}


def is_parquet(path: str | Path) -> bool:
    """Say whether a log of this name is a folder of Parquet files."""
    return Path(path).suffix == ".parquet"


def read_parquet(path: Path) -> History:
    """Read a folder that `ParquetLog` wrote, also while it is written or after a crash.

    Raises:
        MissingDependencyError: without pyarrow.
        InvalidInputError: if the folder holds anything else.
    """
    parquet = _pyarrow("pyarrow.parquet")
    # the tails first: one that becomes a part meanwhile is then read there, and never left out
    tails = {tail: _lines(tail) for tail in sorted(path.glob(_TAIL))}
    parts = sorted(path.glob(_PART))
    if not parts and not tails:
        raise InvalidInputError(
            f"expected a folder that watch(..., path=...) wrote, got {path} without a part of it; check the path"
        )
    records: list[Record] = []
    for part in parts:
        try:
            records += [Record(**row) for row in parquet.read_table(part).to_pylist()]
        except (OSError, ValueError, TypeError) as error:
            raise InvalidInputError(
                f"expected records of a watched run in {part}, but reading failed: {error}; check the path"
            ) from error
    done = {_number(part) for part in parts}
    for tail, lines in tails.items():
        records += [] if _number(tail) in done else lines
    return History(records)


class ParquetLog:
    """The folder while a run writes it."""

    def __init__(self, path: str | Path) -> None:
        """Open a folder for adding to it, or make it; what a crash left becomes a part.

        Raises:
            MissingInputError: if the folder around it does not exist.
            MissingDependencyError: without pyarrow.
        """
        _pyarrow("pyarrow.parquet")
        self._path = Path(path)
        if not self._path.parent.is_dir():
            raise MissingInputError(
                f"expected a folder for {path}, but there is no {self._path.parent}; make it first"
            )
        self._path.mkdir(exist_ok=True)
        for tail in sorted(self._path.glob(_TAIL)):
            self._make_part(tail, list(_lines(tail)))
        self._next = 1 + max((_number(part) for part in self._path.glob(_PART)), default=0)
        self._open()

    def write(self, records: Iterable[Record]) -> None:
        """Add the records of one step, and hand them to the operating system."""
        new = list(records)
        self._file.write(new)
        self._records += new
        if len(self._records) >= _ROWS:
            self._end()
            self._open()

    def close(self) -> None:
        """Make the last part."""
        self._end()

    def _open(self) -> None:
        self._tail = self._path / f"_tail-{self._next:06}.jsonl"
        self._file = LogFile(self._tail)
        self._records: list[Record] = []
        self._next += 1

    def _end(self) -> None:
        self._file.close()
        self._make_part(self._tail, self._records)

    def _make_part(self, tail: Path, records: list[Record]) -> None:
        part = self._path / f"part-{_number(tail):06}.parquet"
        if records and not part.exists():
            arrow, parquet = _pyarrow("pyarrow"), _pyarrow("pyarrow.parquet")
            new = part.with_name(f"_{part.name}")  # not read under this name
            parquet.write_table(arrow.table(History(records).columns(), schema=_schema(arrow)), new)
            new.replace(part)
        tail.unlink(missing_ok=True)


def _lines(tail: Path) -> History:
    try:
        return read_lines(tail)
    except MissingInputError:
        return History()  # has become a part since it was listed


def _number(path: Path) -> int:
    return int(path.stem.rpartition("-")[2])


def _schema(arrow: Any) -> Any:
    kinds = [(field.name, str(field.type).split(" | ")[0]) for field in fields(Record)]
    names = [(name, kind if kind in _KINDS else kind.partition("'")[2].rstrip("'>")) for name, kind in kinds]
    return arrow.schema([(name, getattr(arrow, _KINDS[kind])()) for name, kind in names])


def _pyarrow(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingDependencyError(
            "expected pyarrow for a log in Parquet, but it is not installed: pip install nonlin[parquet]; or name a "
            "file that ends in .jsonl"
        ) from error
