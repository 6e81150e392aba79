"""The file of a watched run: JSON lines, whole after every step, readable after a crash."""

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_type_hints

from nonlin.errors import InvalidInputError, MissingInputError
from nonlin.inspection.watching.history import History, Record

__all__ = ["LogFile", "read_lines"]

_FIELDS = {field.name for field in fields(Record)}
_FLOATS = {
    name
    for name, kind in get_type_hints(Record).items()
    if kind is float or (isinstance(kind, UnionType) and float in get_args(kind))
}


def read_lines(path: str | Path) -> History:
    """Read the JSON lines of a watched run, also while it runs or after it was killed.

    A last line that was cut off in the middle is left out.

    Args:
        path: of a file that `watch(..., path=...)` wrote.

    Raises:
        MissingInputError: if there is no such file.
        InvalidInputError: if a line before the last is not a record.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingInputError(f"expected the log of a watched run, but there is no {path}; check the path")
    *whole, rest = path.read_bytes().split(b"\n")
    records = [_record(path, number, line) for number, line in enumerate(whole, start=1)]
    with suppress(InvalidInputError):  # cut off: every whole line ends with a line break
        records.append(_record(path, len(whole) + 1, rest))
    return History(records)


class LogFile:
    """The file while a run writes it."""

    def __init__(self, path: str | Path) -> None:
        """Open a file for adding to it; what a crash left of a line at its end is cut off.

        Raises:
            MissingInputError: if the folder does not exist.
        """
        path = Path(path)
        if not path.parent.is_dir():
            raise MissingInputError(
                f"expected a folder for {path}, but there is no {path.parent}; make it first"
            )
        if path.is_file():
            _cut_off(path)
        self._file = path.open("a", encoding="utf-8", newline="\n")

    def write(self, records: Iterable[Record]) -> None:
        """Add the records of one step, and hand them to the operating system."""
        lines = [json.dumps(r.to_dict(), ensure_ascii=False, allow_nan=False) + "\n" for r in records]
        self._file.write("".join(lines))
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _cut_off(path: Path) -> None:
    content = path.read_bytes()
    end = content.rfind(b"\n") + 1
    if end == len(content):
        return
    read_lines(path)  # a file that is no log is refused before anything of it is touched
    with path.open("r+b") as file:
        file.truncate(end)


def _record(path: Path, number: int, line: bytes) -> Record:
    try:
        content: dict[str, Any] = json.loads(line)
        if not isinstance(content, dict) or set(content) != _FIELDS:
            raise ValueError("other fields")  # noqa: TRY301 - the same refusal as for what is no JSON
        return Record(**{name: _value(name, value) for name, value in content.items()})
    except (ValueError, TypeError) as error:
        raise InvalidInputError(
            f"expected a record of a watched run in line {number} of {path}, got "
            f"{line[:60].decode(errors='replace')!r}; name the file that watch(..., path=...) wrote"
        ) from error


def _value(name: str, value: Any) -> Any:
    return float(value) if name in _FLOATS and value is not None else value
